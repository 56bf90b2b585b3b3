-- Orders counted by five minutes and status, from the beginning of a topic to its end.

SET 'execution.checkpointing.interval' = '5 s';

CREATE TABLE orders (
  id BIGINT,
  order_time TIMESTAMP_LTZ(3),
  status STRING,
  amount DOUBLE,
  WATERMARK FOR order_time AS order_time - INTERVAL '2' MINUTE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.orders}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE counts (
  run INT,
  window_start TIMESTAMP(3),
  status STRING,
  orders BIGINT
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.counts}',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = '${arg.guarantee}',
  'sink.transactional-id-prefix' = 'engine-windows-${arg.run}',
  'properties.transaction.timeout.ms' = '600000'
);

INSERT INTO counts
SELECT ${arg.run}, window_start, status, COUNT(*)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES))
GROUP BY window_start, window_end, status;
