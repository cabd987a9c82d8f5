-- Customers and value of each segment in the newest run.
SET VARIABLE run = (SELECT 'out/customers/run=' || run FROM read_json('out/customers/latest.json'));

SELECT segment, name, count(*) AS customers, sum(money_spent) AS money_spent
FROM read_parquet(getvariable('run') || '/customers/*/*.parquet') AS customers
JOIN read_parquet(getvariable('run') || '/segments/*.parquet') AS segments USING (segment)
GROUP BY segment, name
ORDER BY segment;
