-- Exercise of lesson 9: orders and their items in Flink's SQL, from the source to an exactly-once sink.
--
-- Fill in the gaps from the top down. The statements between them are given; you need not change them. What stands between
-- the lines BEGIN GAP and END GAP is yours; keep these lines.

-- One statement after another, each INSERT a job of its own. A job that fails ends the script: without the second line Flink
-- would start it again and again.
SET 'table.dml-sync' = 'true';
SET 'restart-strategy.type' = 'disable';
SET 'execution.checkpointing.interval' = '2 s';

-- Given: the items, and as an example of a job those of one product.
CREATE TABLE items (
  item_id STRING,
  order_id STRING,
  item_time TIMESTAMP_LTZ(3),
  product STRING,
  WATERMARK FOR item_time AS item_time - INTERVAL '2' MINUTE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = 'l09-items',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE lamps (
  item_id STRING,
  order_id STRING
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = 'l09-lamps',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

INSERT INTO lamps SELECT item_id, order_id FROM items WHERE product = 'lamp';

-- Given: where the answers to gaps 1 to 4 go.
CREATE TABLE seen (
  order_id STRING,
  order_time TIMESTAMP_LTZ(3),
  customer_id STRING,
  status STRING,
  watermark_then TIMESTAMP_LTZ(3)
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = 'l09-seen',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE tumbling (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  status STRING,
  orders BIGINT
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = 'l09-tumbling',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE sliding (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  orders BIGINT
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = 'l09-sliding',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
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
  'topic' = 'l09-joined',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

-- Gap 1. The table orders: the topic l09-orders, with event time and a watermark.
--
-- Its columns are order_id, order_time, customer_id and status: order_time is a TIMESTAMP_LTZ(3), the others are STRING.
-- The records are JSON, with times in ISO-8601. Read the topic from its beginning, to the end that it has when the job
-- starts. An order may come two minutes late. Let a watermark go with each record, not one every 200 ms.
-- BEGIN SOLUTION
CREATE TABLE orders (
  order_id STRING,
  order_time TIMESTAMP_LTZ(3),
  customer_id STRING,
  status STRING,
  WATERMARK FOR order_time AS order_time - INTERVAL '2' MINUTE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = 'l09-orders',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset',
  'scan.watermark.emit.strategy' = 'on-event',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);
-- END SOLUTION

-- Given: each order as it was read, with the watermark that there was before it.
INSERT INTO seen SELECT order_id, order_time, customer_id, status, CURRENT_WATERMARK(order_time) FROM orders;

-- Gap 2. The view unique_orders, with each order once, and its orders counted by five minutes of order_time and by status.
--
-- Some orders were sent twice, with the same order_time. Let the view have the four columns of orders, and keep of the rows
-- of an order_id the first one by order_time. Insert the counts into tumbling.
-- BEGIN SOLUTION
CREATE VIEW unique_orders AS
SELECT order_id, order_time, customer_id, status
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY order_time) AS place FROM orders)
WHERE place = 1;

INSERT INTO tumbling
SELECT window_start, window_end, status, COUNT(*)
FROM TABLE(TUMBLE(TABLE unique_orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES))
GROUP BY window_start, window_end, status;
-- END SOLUTION

-- Gap 3. All records of orders, duplicates too, counted by windows that overlap.
--
-- A window is ten minutes of order_time long, and one begins every five. Insert the counts into sliding.
-- BEGIN SOLUTION
INSERT INTO sliding
SELECT window_start, window_end, COUNT(*)
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES, INTERVAL '10' MINUTES))
GROUP BY window_start, window_end;
-- END SOLUTION

-- Gap 4. Unique orders with their items, and orders for which no item came.
--
-- An item belongs to the order whose order_id it has, if its item_time is that of the order or at most one minute later.
-- Insert into joined what its columns name; a sink takes one time of a record's own, so cast item_time to TIMESTAMP(3).
-- BEGIN SOLUTION
INSERT INTO joined
SELECT o.order_id, o.order_time, o.status, i.item_id, CAST(i.item_time AS TIMESTAMP(3)), i.product
FROM unique_orders AS o
LEFT JOIN items AS i
ON o.order_id = i.order_id AND i.item_time BETWEEN o.order_time AND o.order_time + INTERVAL '1' MINUTE;
-- END SOLUTION

-- Gap 5. The table late, which is the topic l09-late, and in it all orders that are late, exactly once.
--
-- The columns are order_id (STRING), order_time and watermark_then (both TIMESTAMP_LTZ(3)), in JSON with times in ISO-8601.
-- Records are written in transactions, whose names begin with l09-late. Kafka gives up a transaction after ten minutes.
-- An order is late if its order_time is not after the watermark that there was before it, which is watermark_then.
-- BEGIN SOLUTION
CREATE TABLE late (
  order_id STRING,
  order_time TIMESTAMP_LTZ(3),
  watermark_then TIMESTAMP_LTZ(3)
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = 'l09-late',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'l09-late',
  'properties.transaction.timeout.ms' = '600000'
);

INSERT INTO late
SELECT order_id, order_time, CURRENT_WATERMARK(order_time)
FROM orders
WHERE order_time <= CURRENT_WATERMARK(order_time);
-- END SOLUTION
