-- Customers and value of each segment in the newest run.
DECLARE OR REPLACE run STRING;
SET VAR run = (SELECT 'out/customers/run=' || run FROM json.`out/customers/latest.json`);

SELECT segment, name, count(*) AS customers, sum(money_spent) AS money_spent
FROM IDENTIFIER('parquet.`' || run || '/customers`')
JOIN IDENTIFIER('parquet.`' || run || '/segments`') USING (segment)
GROUP BY segment, name
ORDER BY segment;
