"""Wrong answers to the gaps of lesson 2's exercise."""

_CONSUMER = """
        found = {}
        consumer = KafkaConsumer(
            TOPIC,
            bootstrap_servers=servers,
            group_id=GROUP,
            auto_offset_reset=%s,
            enable_auto_commit=False,
            consumer_timeout_ms=10_000,
        )
        with closing(consumer):
            for record in consumer:
                event = json.loads(record.value)
                if event["value"] is not None:
                    found[event["sensor"]] = max(event["value"], found.get(event["sensor"], event["value"]))
            %s
        return found
"""

WRONG = {
    1: [
        # Without types: all columns are text.
        """
        return spark.read.csv(settings.input("readings.csv"), header=True)
        """,
        # The header is read as a row.
        """
        return spark.read.csv(settings.input("readings.csv"), schema="sensor string, seq int, value double")
        """,
    ],
    2: [
        # Missing values become NaN, which is not JSON.
        (
            """value = row.value if pd.notna(row.value) else None
    pairs.append([row.sensor, json.dumps({"sensor": row.sensor, "seq": row.seq, "value": value})])""",
            'pairs.append([row.sensor, json.dumps({"sensor": row.sensor, "seq": row.seq, "value": row.value})])',
        ),
        # Numbers become text.
        """
        table = table.astype(object).where(table.notna(), None)
        return [
            [row["sensor"], json.dumps({name: None if value is None else str(value) for name, value in row.items()})]
            for row in table.to_dict("records")
        ]
        """,
    ],
    3: [
        # Without keys: records of a sensor are in any partition.
        """
        producer = KafkaProducer(bootstrap_servers=servers)
        sent = [producer.send(TOPIC, value=value.encode()) for key, value in pairs]
        producer.flush()
        return [[future.get().partition, future.get().offset] for future in sent]
        """,
        # The value is JSON already, and is made JSON once more.
        """
        producer = KafkaProducer(
            bootstrap_servers=servers,
            key_serializer=str.encode,
            value_serializer=lambda value: json.dumps(value).encode(),
        )
        sent = [producer.send(TOPIC, key=key, value=value) for key, value in pairs]
        producer.flush()
        return [[future.get().partition, future.get().offset] for future in sent]
        """,
        # Nobody asks what the brokers have reported.
        """
        producer = KafkaProducer(bootstrap_servers=servers)
        for key, value in pairs:
            producer.send(TOPIC, key=key.encode(), value=value.encode())
        producer.flush()
        return [[0, offset] for offset, _ in enumerate(pairs)]
        """,
    ],
    4: [
        # Where a partition begins, not where it ends.
        (
            "return {place.partition: end for place, end in consumer.end_offsets(places).items()}",
            "return {place.partition: first for place, first in consumer.beginning_offsets(places).items()}",
        ),
        # The last record's offset, which is one less.
        (
            "return {place.partition: end for place, end in consumer.end_offsets(places).items()}",
            "return {place.partition: end - 1 for place, end in consumer.end_offsets(places).items()}",
        ),
    ],
    5: [
        # The end of a slice is exclusive: offset 4 is missing.
        (
            '.option("endingOffsets", json.dumps({TOPIC: {"0": 5, "1": 5, "2": 5}}))',
            '.option("endingOffsets", json.dumps({TOPIC: {"0": 4, "1": 4, "2": 4}}))',
        ),
        # Key and value are left as bytes.
        (
            'return records.selectExpr("CAST(key AS STRING)", "CAST(value AS STRING)", "partition", "offset")',
            'return records.select("key", "value", "partition", "offset")',
        ),
        # An offset without its partition's name: Spark wants all partitions.
        (
            """.option("startingOffsets", json.dumps({TOPIC: {"0": 2, "1": 2, "2": 2}}))
    .option("endingOffsets", json.dumps({TOPIC: {"0": 5, "1": 5, "2": 5}}))""",
            """.option("startingOffsets", json.dumps({TOPIC: {"0": 2}}))
    .option("endingOffsets", json.dumps({TOPIC: {"0": 5}}))""",
        ),
    ],
    6: [
        # A new group begins at the end unless it is told otherwise.
        _CONSUMER % ('"latest"', "consumer.commit()"),
        # Nothing is committed.
        _CONSUMER % ('"earliest"', "pass"),
        # Without a group there is nothing to commit for.
        _CONSUMER.replace("group_id=GROUP,\n", "") % ('"earliest"', "consumer.commit()"),
    ],
}
