-- Orders copied as they come, with a column more.

SET 'execution.checkpointing.interval' = '1 s';

CREATE TABLE orders (
  id BIGINT,
  order_time TIMESTAMP_LTZ(3),
  status STRING,
  amount DOUBLE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.live}',
  'scan.startup.mode' = 'latest-offset',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE copies (
  id BIGINT,
  order_time TIMESTAMP_LTZ(3),
  status STRING,
  gross DOUBLE
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${kafka}',
  'topic' = '${topic.copies}',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = '${arg.guarantee}',
  'sink.transactional-id-prefix' = 'engine-copy-${arg.run}',
  'properties.transaction.timeout.ms' = '600000'
);

INSERT INTO copies
SELECT id, order_time, UPPER(status), amount * 1.19 FROM orders;
