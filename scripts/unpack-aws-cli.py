"""Puts the second aws CLI, which aws-cdk-asset-awscli-v2 carries as an archive in an archive, into bin/ of this venv."""

import importlib.util
import io
import pathlib
import sys
import tarfile
import zipfile

package = importlib.util.find_spec("aws_cdk.asset_awscli_v2").submodule_search_locations[0]
[outer] = pathlib.Path(package).glob("_jsii/*.jsii.tgz")
with tarfile.open(outer) as archive:
    layer = zipfile.ZipFile(io.BytesIO(archive.extractfile("package/lib/layer.zip").read()))

venv = pathlib.Path(sys.prefix)
layer.extractall(venv)
[program] = venv.glob("awscli/v2/*/dist/aws")
program.chmod(0o755)
(venv / "bin/aws").symlink_to(program)
