"""Send the numbers 0, 1, 2, … until asked to end: ``python3 -m copying.produce RATE`` answers ``{"sent": how many}``.

RATE is in records per second. Each record that Kafka acknowledges becomes a line of the file `ACKNOWLEDGED`: number,
partition, offset. One that fails is not sent again, so it may be in the topic or not, but never twice.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

from kafka import KafkaProducer
from kafka.errors import KafkaError

from common import request
from common.channel import emit
from common.settings import Settings, load_info
from copying import ACKNOWLEDGED, STOP

#: Longer than most faults last and shorter than some, so that of the records sent meanwhile some are given up.
DELIVERY_MS = 60_000
REQUEST_MS = 10_000
END_SECONDS = 90


def produce(settings: Settings, rate: float) -> int:
    """Send numbers to the topic `source` until the file `STOP` appears; how many were sent."""
    producer = KafkaProducer(
        bootstrap_servers=settings.info.kafka.split(","),
        acks="all",
        enable_idempotence=True,
        delivery_timeout_ms=DELIVERY_MS,
        request_timeout_ms=REQUEST_MS,
        max_block_ms=REQUEST_MS,
        reconnect_backoff_max_ms=300,
    )
    topic, number = settings.topic("source"), 0
    with Path(ACKNOWLEDGED).open("w", encoding="utf-8") as file:
        try:
            while not Path(STOP).exists():
                text = str(number).encode()
                with suppress(KafkaError):
                    producer.send(topic, key=text, value=text).add_callback(
                        lambda place, number=number: print(number, place.partition, place.offset, file=file)
                    )
                number += 1
                time.sleep(1 / rate)
            with suppress(KafkaError):
                producer.flush(timeout=END_SECONDS)
        finally:
            producer.close(timeout=REQUEST_MS / 1000)
    return number


def main(rate: float) -> None:
    _, settings = request.settings_from(request.parse(["copying"], prog="copying.produce"), load_info())
    emit(answer={"sent": produce(settings, rate)})


if __name__ == "__main__":
    main(float(sys.argv[1]))
