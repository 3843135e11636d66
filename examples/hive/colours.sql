INSERT INTO colours VALUES ('${hiveconf:colour}');
SELECT concat('colour: ', name) FROM colours;
