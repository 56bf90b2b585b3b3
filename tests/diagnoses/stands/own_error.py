def run(spark, settings):
    prices = {"apple": 3}
    print(prices["pear"])
