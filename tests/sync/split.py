# How the command of a profile is split: by the AWS SDK for Python, by Python itself, and by the shell that the other
# SDKs start; and what boto3 makes of the whole profile. Each run of the command leaves its words in the file RECORD.
import configparser
import json
import os
import shlex
import subprocess
import sys

import boto3
from botocore.compat import compat_shell_split

profile = sys.argv[1]


def recorded():
    with open(os.environ["RECORD"], encoding="utf-8") as record:
        return record.read().split("\0")[:-1]


parser = configparser.RawConfigParser(default_section=None)
parser.read(os.environ["AWS_CONFIG_FILE"], encoding="utf-8")
section = next(name for name in parser.sections() if shlex.split(name) == ["profile", profile])
value = parser.get(section, "credential_process")
subprocess.run(["sh", "-c", value], check=True, stdout=subprocess.DEVNULL)
by_shell = recorded()
session = boto3.Session(profile_name=profile)
key = session.get_credentials().access_key
answer = {
    "shlex": shlex.split(value),
    "botocore": compat_shell_split(value),
    "sh": by_shell,
    "boto3": recorded(),
    "key": key,
    "region": session.region_name,
}
print(json.dumps(answer))
