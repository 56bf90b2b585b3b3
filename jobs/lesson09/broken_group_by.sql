-- Broken on purpose: counts by status over all orders. Each order changes one, and a file cannot take back a row.

CREATE TABLE orders (
  order_id STRING,
  order_time TIMESTAMP_LTZ(3),
  customer_id STRING,
  status STRING,
  WATERMARK FOR order_time AS order_time - INTERVAL '2' MINUTE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.orders}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset',
  'scan.watermark.emit.strategy' = 'on-event',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE counts (
  status STRING,
  orders BIGINT
) WITH (
  'connector' = 'filesystem',
  'path' = '${home}/broken/group-by',
  'format' = 'json'
);

INSERT INTO counts SELECT status, COUNT(*) FROM orders GROUP BY status;
