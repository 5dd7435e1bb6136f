"""A DynamoDB that describes one table of Terraform, so that `clinic-api table check` compares it with its own."""

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


def described(table):
    """Terraform's table as DescribeTable shows it."""

    def keys(pairs):
        return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs]

    return {
        "TableName": table["name"],
        "TableStatus": "ACTIVE",
        "KeySchema": keys([(table["hash_key"], "HASH"), (table["range_key"], "RANGE")]),
        "AttributeDefinitions": [{"AttributeName": it["name"], "AttributeType": it["type"]} for it in table["attribute"]],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index["name"],
                "IndexStatus": "ACTIVE",
                "KeySchema": keys((it["attribute_name"], it["key_type"]) for it in index["key_schema"]),
                "Projection": {"ProjectionType": index["projection_type"]},
            }
            for index in table["global_secondary_index"]
        ],
        "StreamSpecification": {"StreamEnabled": table["stream_enabled"], "StreamViewType": table["stream_view_type"]},
        "BillingModeSummary": {"BillingMode": table["billing_mode"]},
    }


def differences(binary, table):
    """What `table check` reports, if it is not satisfied."""
    ttl = table["ttl"][0]
    answers = {
        "DescribeTable": {"Table": described(table)},
        "DescribeTimeToLive": {
            "TimeToLiveDescription": {"AttributeName": ttl["attribute_name"], "TimeToLiveStatus": "ENABLED" if ttl["enabled"] else "DISABLED"}
        },
        # There is no item yet.
        "GetItem": {},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answers[self.headers["X-Amz-Target"].split(".")[1]]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    aws = {"REGION": "eu-central-1", "ACCESS_KEY_ID": "local", "SECRET_ACCESS_KEY": "local"}
    environment = os.environ | {f"AWS_{name}": value for name, value in aws.items()}
    environment["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://127.0.0.1:{server.server_port}"
    command = [binary, "table", "check", "--store", "dynamodb", "--table", table["name"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    server.shutdown()
    return [] if done.returncode == 0 else [f"table check: {line}" for line in (done.stdout + done.stderr).splitlines()]
