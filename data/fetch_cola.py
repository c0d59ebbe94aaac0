#!/usr/bin/env python3
"""Fetches the public part of CoLA 1.1 and checks it. Standard library only.

    python3 data/fetch_cola.py                       into data/external/cola
    python3 data/fetch_cola.py --dest DIR            into DIR/cola; then set LARDER_DATA to DIR's full path
    python3 data/fetch_cola.py --archive FILE.zip    from an archive that is already here

A file is put in place only after its checksum fits, and whole; files that are there and fit are left alone.
"""

import argparse
import hashlib
import os
import pathlib
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile

URL = "https://nyu-mll.github.io/CoLA/cola_public_1.1.zip"

# The raw (untokenised) files; sha256 of what is inside the archive.
FILES = {
    "in_domain_train.tsv": "f320a10f92d3bce6b29152fde322a362eac39238e50d8de0c8815457fdf4fc12",
    "in_domain_dev.tsv": "77176f6a03faa5a1c4f23c69971fc1bff565931112fb65af47b2d6e24b7f42f7",
    "out_of_domain_dev.tsv": "201b9c57b2a20f1282242eec0ed8995729e3be19c29a46c047b3727338836c05",
}

# The archive has 250 kB, its files half a megabyte each at most. More is not CoLA.
MAX_BYTES = 16 << 20
TIMEOUT_SECONDS = 60


class FetchError(Exception):
    """Something a user can read and act on."""


def download(url: str, to: pathlib.Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as reply:
            content = reply.read(MAX_BYTES + 1)
    except (urllib.error.URLError, OSError) as error:
        raise FetchError(f"cannot fetch {url}: {error}; fetch it by hand and give it with --archive") from error
    if len(content) > MAX_BYTES:
        raise FetchError(f"{url} is larger than {MAX_BYTES} bytes, which CoLA is not")
    to.write_bytes(content)


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The raw file `name`, wherever the archive keeps its folder `raw`."""
    found = [info for info in archive.infolist() if info.filename.split("/")[-2:] == ["raw", name]]
    if len(found) != 1:
        raise FetchError(f"the archive has {len(found)} files raw/{name}, expected one")
    if found[0].file_size > MAX_BYTES:
        raise FetchError(f"raw/{name} is larger than {MAX_BYTES} bytes, which CoLA is not")
    return archive.read(found[0])


def fits(content: bytes, name: str) -> bool:
    return hashlib.sha256(content).hexdigest() == FILES[name]


def put(content: bytes, path: pathlib.Path) -> None:
    """Writes a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def extract(archive_path: pathlib.Path, folder: pathlib.Path) -> None:
    try:
        with zipfile.ZipFile(archive_path) as archive:
            contents = {name: member(archive, name) for name in FILES}
    except (zipfile.BadZipFile, OSError) as error:
        raise FetchError(f"cannot read the archive {archive_path}: {error}") from error
    # All are checked before the first is written.
    for name, content in contents.items():
        if not fits(content, name):
            found = hashlib.sha256(content).hexdigest()
            raise FetchError(f"raw/{name} has sha256 {found}, expected {FILES[name]}; nothing was written")
    for name, content in contents.items():
        put(content, folder / name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = pathlib.Path(__file__).resolve().parent / "external"
    parser.add_argument("--dest", type=pathlib.Path, default=default, metavar="DIR", help="default: data/external")
    parser.add_argument("--archive", type=pathlib.Path, metavar="FILE", help="a local copy of the archive")
    arguments = parser.parse_args()
    folder = arguments.dest / "cola"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if all((folder / name).is_file() and fits((folder / name).read_bytes(), name) for name in FILES):
            print(f"{folder} is complete", file=sys.stderr)
        elif arguments.archive:
            extract(arguments.archive, folder)
        else:
            with tempfile.TemporaryDirectory() as scratch:
                archive = pathlib.Path(scratch) / "cola.zip"
                print(f"fetching {URL}", file=sys.stderr)
                download(URL, archive)
                extract(archive, folder)
    except (FetchError, OSError) as error:
        print(f"fetch_cola: {error}", file=sys.stderr)
        return 3
    print(f"three files in {folder}, checked; use them with LARDER_DATA={arguments.dest.resolve()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
