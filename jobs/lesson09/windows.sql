-- Four answers from one reading of the orders. What has an end is read to its end, and then every window is over.

SET 'execution.checkpointing.interval' = '5 s';

-- Event time is in the data. A watermark goes with each record: by default one is sent every 200 ms, and all of these
-- records are read in less, so that which of them are late would depend on the machine.
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

CREATE TABLE items (
  item_id STRING,
  order_id STRING,
  item_time TIMESTAMP_LTZ(3),
  product STRING,
  WATERMARK FOR item_time AS item_time - INTERVAL '2' MINUTE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.items}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset',
  'scan.watermark.emit.strategy' = 'on-event',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

-- Each order once. An id is kept for good here: Flink forgets it only if table.exec.state.ttl says when.
CREATE VIEW unique_orders AS
SELECT order_id, order_time, customer_id, status
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY order_time) AS place FROM orders)
WHERE place = 1;

-- Exactly once: records are written in a transaction, which the next checkpoint commits. Kafka gives up one that takes
-- longer than the timeout, of which it allows a quarter of an hour; the connector would ask for an hour.
CREATE TABLE tumbling (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  status STRING,
  orders BIGINT
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.tumbling}',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'l09-tumbling',
  'properties.transaction.timeout.ms' = '600000'
);

CREATE TABLE sliding (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  orders BIGINT
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.sliding}',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'l09-sliding',
  'properties.transaction.timeout.ms' = '600000'
);

CREATE TABLE late (
  order_id STRING,
  order_time TIMESTAMP_LTZ(3),
  watermark_then TIMESTAMP_LTZ(3)
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.late}',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'l09-late',
  'properties.transaction.timeout.ms' = '600000'
);

CREATE TABLE joined (
  order_id STRING,
  order_time TIMESTAMP_LTZ(3),
  status STRING,
  item_id STRING,
  item_time TIMESTAMP(3),
  product STRING
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.joined}',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'l09-joined',
  'properties.transaction.timeout.ms' = '600000'
);

-- One job of four statements, which share what they read. Without this each would be a job that reads all by itself.
EXECUTE STATEMENT SET BEGIN

-- Unique orders by five minutes and status. A window gives its rows when the watermark has passed its end.
INSERT INTO tumbling
SELECT window_start, window_end, status, COUNT(*)
FROM TABLE(TUMBLE(TABLE unique_orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES))
GROUP BY window_start, window_end, status;

-- Windows that overlap, ten minutes long, one every five: each record is in two of them.
INSERT INTO sliding
SELECT window_start, window_end, COUNT(*)
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES, INTERVAL '10' MINUTES))
GROUP BY window_start, window_end;

-- What is late: windows drop it and say nothing.
INSERT INTO late
SELECT order_id, order_time, CURRENT_WATERMARK(order_time)
FROM orders
WHERE order_time <= CURRENT_WATERMARK(order_time);

-- Orders with the items that follow within a minute, and those without any. A sink takes one time for the record's own,
-- so the other one is cast to a plain timestamp.
INSERT INTO joined
SELECT o.order_id, o.order_time, o.status, i.item_id, CAST(i.item_time AS TIMESTAMP(3)), i.product
FROM unique_orders AS o
LEFT JOIN items AS i
ON o.order_id = i.order_id AND i.item_time BETWEEN o.order_time AND o.order_time + INTERVAL '1' MINUTE;

END;
