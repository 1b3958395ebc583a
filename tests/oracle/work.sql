-- SPDX-License-Identifier: MIT
-- What sqlite does while it is looked at: parser, planner, B-trees, sorter, triggers, window functions, JSON, FTS.
PRAGMA cache_size = 20;
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE, c REAL, d BLOB, CHECK(c >= 0));
CREATE INDEX tb ON t(b, c);
CREATE TABLE log(n INTEGER, what TEXT);
CREATE TRIGGER tr AFTER INSERT ON t WHEN new.a % 7 = 0 BEGIN INSERT INTO log VALUES(new.a, upper(new.b)); END;
CREATE VIEW v AS SELECT a, b, c * 2 AS c2 FROM t WHERE a % 3 = 0;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
	INSERT INTO t SELECT i, 'name' || ((i * 7919) % 4001), i / 3.0, randomblob(i % 90) FROM n;
COMMIT;
SELECT count(*), sum(c), group_concat(substr(b, 1, 2)) FROM t WHERE b LIKE '%9%' GROUP BY a % 11 ORDER BY 2 DESC;
SELECT v.a, (SELECT max(n) FROM log WHERE n < v.a) FROM v JOIN t USING(a) ORDER BY v.b, v.c2 LIMIT 50;
SELECT a, rank() OVER (PARTITION BY a % 5 ORDER BY c DESC), lag(b, 2, 'x') OVER (ORDER BY b) FROM t WHERE a < 900;
SELECT json_extract(json_object('a', a, 'b', json_array(b, c)), '$.b[1]') FROM t WHERE a % 2;
CREATE VIRTUAL TABLE words USING fts5(w);
INSERT INTO words SELECT b || ' ' || a FROM t;
SELECT count(*) FROM words WHERE words MATCH 'name1* OR name2*';
UPDATE t SET b = printf('%08.3f:%s', c, hex(d)) WHERE a IN (SELECT n FROM log);
DELETE FROM t WHERE a BETWEEN 100 AND 1900;
EXPLAIN QUERY PLAN SELECT * FROM t AS x, t AS y, log WHERE x.b = y.b AND y.a = log.n ORDER BY x.c;
SELECT count(*) FROM t AS x, t AS y, log WHERE x.b = y.b AND y.a = log.n;
REINDEX;
VACUUM;
PRAGMA integrity_check;
SELECT hex(zeroblob(10)), strftime('%Y', 'now'), round(1e10 / 3, 2), abs(-5), 'a' GLOB '[a-z]', CAST('12e3' AS REAL);
