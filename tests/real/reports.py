"""What deploy/examples/reports makes of reports.

reports.py EXAMPLES: reads a JSON array of reports from stdin, prints {"chat": [message or null, …], "rows": [row, …]}.

The transform runs in QuickJS, an engine of ECMAScript without anything beside it, as Pub/Sub's is. The query is read as
BigQuery's SQL and run by DuckDB on a table of the schema beside it: each report comes twice, as Pub/Sub may deliver it, and
once more as if it had come last month.
"""

import datetime
import json
import pathlib
import sys

import duckdb
import quickjs
import sqlglot
import yaml

TYPES = {"STRING": "VARCHAR", "TIMESTAMP": "TIMESTAMPTZ", "JSON": "JSON"}

examples = pathlib.Path(sys.argv[1])
reports = [json.dumps(report) for report in json.load(sys.stdin)]

[transform] = yaml.safe_load((examples / "chat.yaml").read_text())
udf = transform["javascriptUdf"]
code = udf["code"]
assert set(transform) == {"javascriptUdf"} and set(udf) == {"functionName", "code"}, transform
assert len(code.encode()) <= 20 * 1024, "Pub/Sub takes 20 KB"
engine = quickjs.Context()
engine.eval(code + f"\nvar called = (message) => JSON.stringify({udf['functionName']}(JSON.parse(message), {{}}));")
called = engine.get("called")
chat = [json.loads(called(json.dumps({"data": data, "attributes": {"ce-id": "1"}}))) for data in reports]

columns = json.loads((examples / "table.json").read_text())
query = sqlglot.transpile(
    (examples / "opened.sql").read_text(), read="bigquery", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE
)
[query] = query
database = duckdb.connect()
database.execute("SET TimeZone = 'UTC'")
database.execute("CREATE SCHEMA egress_reconciler_reports")
kinds = ", ".join(f"{column['name']} {TYPES[column['type']]}" for column in columns)
database.execute(f"CREATE TABLE egress_reconciler_reports.reports ({kinds})")
now = datetime.datetime.now(datetime.timezone.utc)
last_month = now.replace(day=1) - datetime.timedelta(days=1)
for number, data in enumerate(reports):
    for at in [now, now, last_month]:
        row = {"subscription_name": "s", "message_id": str(number), "publish_time": at, "attributes": "{}", "data": data}
        database.execute(
            "INSERT INTO egress_reconciler_reports.reports VALUES (?, ?, ?, ?, ?)",
            [row[column["name"]] for column in columns],
        )
found = database.execute(query)
names = [column[0] for column in found.description]
rows = [dict(zip(names, row)) for row in found.fetchall()]
for row in rows:
    assert row["first_report"] >= now.replace(day=1, hour=0, minute=0, second=0, microsecond=0), row
    del row["first_report"], row["last_report"]
print(json.dumps({"chat": chat, "rows": rows}))
