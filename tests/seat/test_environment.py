"""A Python environment of one's own, sent along as Spark's documentation has it."""

from __future__ import annotations

import re

from terminal import Terminal

APP = """
import sys

from pyspark.sql import SparkSession


def mine(_):
    try:
        import coursepkg
    except ImportError as error:
        return f"{sys.executable}: {error}"
    return f"{sys.executable} has coursepkg {coursepkg.VERSION}"


spark = SparkSession.builder.getOrCreate()
print("driver:", mine(0))
print("executor:", spark.sparkContext.parallelize([0], 1).map(mine).first())
spark.stop()
"""


def test_it_is_used_in_client_and_in_cluster_mode(terminal: Terminal, name: str) -> None:
    terminal.run(f"mkdir {name} && cd {name}")
    terminal.write("app.py", APP)
    terminal.run("""
        python3 -m venv pyspark_venv
        source pyspark_venv/bin/activate
        python -m pip --version
        mkdir -p package/coursepkg && echo "VERSION = '1.0'" > package/coursepkg/__init__.py
        cp -r package/coursepkg $(python -c "import site; print(site.getsitepackages()[0])")/
        venv-pack -o pyspark_venv.tar.gz
        deactivate
    """)
    has = r"\S*environment/bin/python\S* has coursepkg 1\.0"

    # Client mode: the driver is the edge node's own Python, which lacks the package, and the executors have it.
    terminal.run("export PYSPARK_DRIVER_PYTHON=python3 PYSPARK_PYTHON=./environment/bin/python")
    said = terminal.run("spark-submit --archives pyspark_venv.tar.gz#environment app.py 2>client.log", seconds=120)
    assert re.search(rf"^executor: {has}$", said, re.MULTILINE), said
    assert re.search(r"^driver: \S+: No module named 'coursepkg'$", said, re.MULTILINE), said

    # Cluster mode: both run on YARN, with the archive.
    terminal.run("unset PYSPARK_DRIVER_PYTHON; export PYSPARK_PYTHON=./environment/bin/python")
    options = f"--name {name} --deploy-mode cluster --archives pyspark_venv.tar.gz#environment"
    setting = "--conf spark.yarn.appMasterEnv.PYSPARK_PYTHON=./environment/bin/python"
    for number, chosen in enumerate((options, f"{options} {setting}")):
        if number == 1:  # what Spark's page on YARN names instead of the variable
            terminal.run("unset PYSPARK_PYTHON")
        submitted = terminal.run(f"spark-submit {chosen} app.py 2>&1", seconds=120)
        application = re.search(r"application_\d+_\d+", submitted)[0]
        said = terminal.run(f"yarn logs -applicationId {application} -log_files stdout 2>/dev/null")
        assert re.search(rf"^driver: {has}$", said, re.MULTILINE), said
        assert re.search(rf"^executor: {has}$", said, re.MULTILINE), said
