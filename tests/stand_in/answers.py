# What boto3 finds for the default profile and for each one named: the access key id, or the error. Its container
# endpoint and its STS are here: the one answers with AKIA_live, the other with ROLE_ before the id of the key that asks.
import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import botocore.session


class Aws(BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        key = {"AccessKeyId": "AKIA_live", "SecretAccessKey": "s", "Token": "t", "Expiration": "2100-01-01T00:00:00Z"}
        self.answer(json.dumps(key))

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        key = re.search("Credential=([^/]+)/", self.headers["Authorization"]).group(1)
        self.answer(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ROLE_{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
            "<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Aws)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{server.server_port}"
os.environ["AWS_ENDPOINT_URL_STS"] = endpoint
os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = endpoint


def found(profile):
    try:
        session = botocore.session.Session(profile=profile)
        return [session.get_credentials().get_frozen_credentials().access_key, session.get_config_variable("region")]
    except Exception as error:
        return [type(error).__name__, None]


print(json.dumps({profile or "": found(profile) for profile in [None, *sys.argv[1:]]}))
