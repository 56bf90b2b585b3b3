-- A stream without an end: it waits for more orders until `invoke stop`, and goes on from what it has left.

SET 'execution.checkpointing.interval' = '3 s';

-- The group only shows how far the stream is: Flink commits its offsets there with each checkpoint, and goes on from
-- those in the checkpoint itself.
CREATE TABLE orders (
  order_id STRING,
  order_time TIMESTAMP_LTZ(3),
  customer_id STRING,
  status STRING,
  WATERMARK FOR order_time AS order_time - INTERVAL '2' MINUTE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.live}',
  'properties.group.id' = 'l09-stream',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.emit.strategy' = 'on-event',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE live_counts (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  orders BIGINT
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.live-counts}',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'l09-live-counts',
  'properties.transaction.timeout.ms' = '600000'
);

INSERT INTO live_counts
SELECT window_start, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES))
GROUP BY window_start, window_end;
