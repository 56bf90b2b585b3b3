-- Broken on purpose: windows by the machine's clock. When the input ends, the clock has not come to their end.

CREATE TABLE orders (
  order_id STRING,
  order_time TIMESTAMP_LTZ(3),
  customer_id STRING,
  status STRING,
  arrived AS PROCTIME()
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
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  orders BIGINT
) WITH (
  'connector' = 'filesystem',
  'path' = '${home}/broken/processing-time',
  'format' = 'json'
);

INSERT INTO counts
SELECT window_start, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(arrived), INTERVAL '5' MINUTES))
GROUP BY window_start, window_end;
