"""Says what boto3 makes of profiles, for tests/differential.rs.

Reads one case a line, as JSON: the profile and the whole environment. Answers with one line of JSON: the access key id
of the credential that the profile leads to, or the error. Before that it may ask for MFA codes, a line and an answer
each, since AWS takes no code twice.
"""

import json
import logging
import os
import sys

import botocore.loaders
import botocore.session

# AWS's own models, which are the same for every case; reading them is most of what a session costs.
MODELS = botocore.loaders.create_loader()


def say(message):
    print(json.dumps(message), flush=True)


def hear():
    line = sys.stdin.readline()
    return json.loads(line) if line else sys.exit()


def ask_for_code(prompt):
    serial = prompt.removeprefix('Enter MFA code for ').removesuffix(': ')
    say({'code_for': serial})
    return hear()['code']


def credential_of(profile):
    session = botocore.session.Session(profile=profile)
    session.register_component('data_loader', MODELS)
    providers = session.get_component('credential_provider')
    # The place where the aws CLI sets its prompter, too.
    providers.get_provider('assume-role')._prompter = ask_for_code
    credentials = session.get_credentials()
    return credentials and credentials.get_frozen_credentials()


def answer(case):
    os.environ.clear()
    os.environ.update(case['environment'])
    try:
        credential = credential_of(case['profile'])
    # Whatever it is, boto3 refuses: the other side knows which refusals are right.
    except Exception as error:
        return {'error': f'{type(error).__name__}: {error}'}
    return {'key': credential.access_key} if credential else {'error': 'no credentials'}


logging.disable()
while True:
    say(answer(hear()))
