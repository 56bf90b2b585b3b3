-- What the step `sql` runs, statement by statement; $home is the lesson's folder on HDFS.
-- All of it can be typed into `spark-sql` as well, and run twice: nothing is doubled.
CREATE DATABASE IF NOT EXISTS shop LOCATION '$home/warehouse';
USE shop;

-- EXTERNAL: the files are there already, the metastore only learns where. Dropping the table leaves them.
CREATE EXTERNAL TABLE IF NOT EXISTS users (user_id BIGINT, city STRING) STORED AS PARQUET LOCATION '$home/in/users';

-- Managed: the files belong to the table. INSERT OVERWRITE replaces all rows, INSERT INTO would add them once more.
CREATE TABLE IF NOT EXISTS users_known (user_id BIGINT, city STRING) STORED AS PARQUET;
INSERT OVERWRITE users_known SELECT user_id, city FROM users WHERE city IS NOT NULL;

CREATE TABLE IF NOT EXISTS users_unknown (user_id BIGINT) STORED AS PARQUET;
INSERT OVERWRITE users_unknown SELECT user_id FROM users WHERE city IS NULL;

-- A view of this session only: no one else sees it, and it is gone when the session ends.
CREATE OR REPLACE TEMPORARY VIEW located_sales AS
  SELECT u.city, s.amount_cents, CASE WHEN s.amount_cents >= $large THEN 'large' ELSE 'small' END AS size
  FROM sales s JOIN users_known u USING (user_id);

-- CTAS: the query says what the columns are.
DROP TABLE IF EXISTS sales_by_city;
CREATE TABLE sales_by_city USING parquet AS
  SELECT city, count(*) AS sales, count_if(size = 'large') AS large_sales, sum(amount_cents) AS cents
  FROM located_sales GROUP BY city;

-- LEFT JOIN: a user who bought nothing keeps a row, with 0 sales. Sales of users who are not there have none.
DROP TABLE IF EXISTS user_totals;
CREATE TABLE user_totals USING parquet AS
  SELECT u.user_id, count(s.sale_id) AS sales, coalesce(sum(s.amount_cents), 0) AS cents
  FROM users u LEFT JOIN sales s USING (user_id) GROUP BY u.user_id;
