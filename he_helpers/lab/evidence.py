"""Evidence of what a server process holds, and the search for secrets in it.

Whoever operates the server collects the evidence with `collect`: the modules that its process and its workers have
imported, copies of its database and of its files, and an image of their memory. Whoever fears for a secret searches the
evidence with `search` in a process of their own, so that what they look for reaches nobody.

The imported modules are not asked of the server. Every imported Python module leaves the path of its source
file in memory, as the file name of its compiled code, and the kernel lists the shared objects that are
mapped; both are read from outside.

The evidence holds whatever the server holds, access tokens in use included: hand it over in person and delete
it.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import pandas as pd

from he_helpers.lab.workspace import Workspace, environment_for

NOT_READ = "not read"
_MANIFEST = "evidence.json"
_SQLITE_MAGIC = b"SQLite format 3\0"
_SQLITE_COMPANIONS = ("-wal", "-shm", "-journal")
_PAGE_BYTES = 4096
_CHUNK_BYTES = 16 << 20
_SHORTEST_NEEDLE = 8  # bytes; anything shorter is found by chance


@dataclass(frozen=True)
class Evidence:
    """What `collect` took from a server: a folder with copies, to be searched and then deleted.

    folder: holds database/, files/ and, where it could be read, memory.
    pid: the process that was inspected, with those that it had started: a server's workers.
    modules: names of the Python modules and extension modules that any of them has imported, sorted; None when not
    read.
    memory_bytes: bytes of memory in the image, pages of zeros left out.
    memory_skipped_bytes: bytes of memory that the kernel did not give out (mapped devices, pages that went
    meanwhile).
    why_not_read: empty, or why neither the memory nor the modules could be read.
    """

    folder: Path
    pid: int
    modules: tuple[str, ...] | None
    memory_bytes: int
    memory_skipped_bytes: int
    why_not_read: str

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Evidence:
        """The evidence that lies in `folder`. Raises FileNotFoundError when there is none."""
        folder = Path(folder)
        if not (folder / _MANIFEST).is_file():
            raise FileNotFoundError(
                f"{folder.name}/ holds no evidence. Collect it first: collect(folder, pid, into)."
            )
        content = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        modules = content.pop("modules")
        return cls(folder=folder, modules=None if modules is None else tuple(modules), **content)

    def delete(self) -> None:
        """Deletes the copies and the image. Deleting twice is harmless."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Evidence:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.delete()

    def _save(self) -> None:
        content = asdict(self)
        del content["folder"]
        (self.folder / _MANIFEST).write_text(json.dumps(content, indent=1), encoding="utf-8")


def collect(server_folder: str | os.PathLike[str], pid: int, into: str | os.PathLike[str]) -> Evidence:
    """Takes evidence from the server whose process is `pid` and whose files lie in `server_folder`.

    The server's work on tables is done in processes that it starts, so their memory is taken as well.

    into: folder for the copies, made with mode 0700; earlier evidence in it is replaced.

    Reading another process's memory works on Linux only; elsewhere the evidence has the database and the
    files, and says in `why_not_read` what is missing.

    Raises NotADirectoryError without such a server folder, FileExistsError when `into` holds anything but
    evidence, ProcessLookupError when no such process runs, and PermissionError when the kernel keeps its
    memory closed.
    """
    server_folder, into = Path(server_folder), Path(into)
    if not server_folder.is_dir():
        raise NotADirectoryError(f"There is no server folder {server_folder.name}/. Start the server first.")
    _check_runs(pid)
    _make_room(into)
    try:
        _copy_files(server_folder, into)
        if sys.platform == "linux":
            processes = [pid, *_started_by(pid)]
            kept, skipped = _copy_memory(processes, into / "memory")
            modules = _imported_modules(into / "memory", processes)
            evidence = Evidence(into, pid, modules, kept, skipped, "")
        else:
            reason = f"This system ({sys.platform}) lets no process read another's memory; Linux does."
            evidence = Evidence(into, pid, None, 0, 0, reason)
        evidence._save()
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return evidence


def search(evidence: Evidence, needles: Mapping[str, bytes | Sequence[bytes]]) -> pd.DataFrame:
    """Counts the places in the evidence where each needle occurs.

    needles: by name, the bytes to look for; of a sequence, every member is looked for and the places are
    added up.

    Returns one row a needle, with columns imports, database, files and memory: a number of places, or "not
    read". Raises ValueError on a needle shorter than 8 bytes, which chance would find, and TypeError on one
    that is no bytes.
    """
    wanted = {name: _checked(name, needle) for name, needle in needles.items()}
    imports = None if evidence.modules is None else ["\n".join(evidence.modules).encode()]
    columns: dict[str, list[int | str]] = {
        "imports": [NOT_READ if imports is None else _places(imports, parts) for parts in wanted.values()]
    }
    areas = {
        "database": _files_below(evidence.folder / "database"),
        "files": _files_below(evidence.folder / "files"),
        "memory": None if evidence.why_not_read else [evidence.folder / "memory"],
    }
    for area, files in areas.items():
        if files is None:
            columns[area] = [NOT_READ] * len(wanted)
            continue
        with _mapped(files) as contents:
            columns[area] = [_places(contents, parts) for parts in wanted.values()]
    return pd.DataFrame(columns, index=pd.Index(wanted, name="needle"))


def needles_of_bytes(secret: bytes, length: int = 64, count: int = 6) -> list[bytes]:
    """Up to `count` windows of `length` bytes, spread over `secret`: one of them turns up where a part of it
    lies.

    Windows with fewer than 12 different bytes are passed over, since chance finds them. A secret shorter than
    `length` is its own single window. Give what is secret and nothing else: a serialised private context also
    holds the public key, which the server rightly has. Raises ValueError when no window is left.
    """
    length = min(length, len(secret))
    last = len(secret) - length
    starts = np.unique(np.linspace(0, last, num=min(last + 1, 16 * count)).astype(int))
    windows = [secret[start : start + length] for start in starts]
    telling = [window for window in windows if len(set(window)) >= 12]
    if not telling:
        raise ValueError(
            f"These {len(secret)} bytes have no stretch of {length} bytes with at least 12 different ones; "
            "chance would find them. Search for a longer or less uniform secret."
        )
    return _spread(telling, count)


def needles_of_number_table(
    frame: pd.DataFrame, decimals: int | Mapping[str, int] = 0
) -> dict[str, list[bytes]]:
    """Needles for the numbers of a plaintext table, in the three forms in which a process would hold them.

    frame: the table; columns that are not numeric (labels) are left out, because the server knows labels
    rightly.
    decimals: decimal places of the fixed-point integers, for all columns or by column.

    Returns lists of windows of several neighbouring numbers: "numbers as text" (a line of the CSV), "numbers
    as integers" (little-endian 64-bit fixed-point) and "numbers as floats" (little-endian 64-bit), the last
    two along the columns and along the rows. Numbers that lie scattered, as in a Python list, are not found
    by these. Raises ValueError when the table has no numeric column or is too uniform to be told from chance.
    """
    numbers = frame.select_dtypes("number")
    if numbers.empty:
        raise ValueError(
            "The table has no numbers to look for: it needs at least one numeric column and one row."
        )
    places = {
        name: decimals if isinstance(decimals, int) else decimals.get(name, 0) for name in numbers.columns
    }
    scale = np.array([10.0 ** places[name] for name in numbers.columns])
    floats = numbers.to_numpy(dtype=float)
    return {
        "numbers as text": _text_windows(frame, places),
        "numbers as integers": _number_windows(np.rint(floats * scale), "<i8"),
        "numbers as floats": _number_windows(floats, "<f8"),
    }


@contextlib.contextmanager
def process_that_holds(
    contents: Iterable[bytes], folder: str | os.PathLike[str], modules: Sequence[str] = ()
) -> Iterator[int]:
    """A small Python process in which the search must find something: the positive control of the proof.

    It keeps `contents` in memory, in the SQLite database planted.sqlite and in the file planted.bin of
    `folder`, and has imported `modules`. Gives the process's number, and ends the process afterwards.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder), *modules],
        env=environment_for(Workspace(), None),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        process.stdin.write(b"".join(contents))
        process.stdin.close()
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(
                f"The process that should hold the contents ended early; exit code {process.wait()}."
            )
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


_HOLDER = """
import ctypes, importlib, pathlib, sqlite3, sys, time
folder, *modules = sys.argv[1:]
if sys.platform == "linux":  # open to processes of the same user: PR_SET_PTRACER, PR_SET_PTRACER_ANY
    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
for name in modules:
    importlib.import_module(name)
contents = sys.stdin.buffer.read()
pathlib.Path(folder, "planted.bin").write_bytes(contents)
with sqlite3.connect(pathlib.Path(folder, "planted.sqlite")) as database:
    database.execute("CREATE TABLE planted (contents BLOB)")
    database.execute("INSERT INTO planted VALUES (?)", (contents,))
database.close()
print("ready", flush=True)
time.sleep(3600)
"""


def _check_runs(pid: int) -> None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        raise ProcessLookupError(
            f"No process {pid} runs. Start the server, and take the number it runs under."
        ) from None
    except PermissionError:
        raise PermissionError(
            f"Process {pid} belongs to another user. Collect the evidence as the server's user."
        ) from None


def _make_room(into: Path) -> None:
    if (into / _MANIFEST).is_file():
        shutil.rmtree(into)
    if into.exists() and any(into.iterdir()):
        raise FileExistsError(f"{into.name}/ holds something else than evidence. Name a new folder.")
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    into.chmod(0o700)


def _copy_files(server_folder: Path, into: Path) -> None:
    """Copies bytes as they lie on disk: what SQLite has deleted but not overwritten is evidence too."""
    files = _files_below(server_folder)
    databases = {str(file) for file in files if _begins_with(file, _SQLITE_MAGIC)}
    companions = {database + ending for database in databases for ending in _SQLITE_COMPANIONS}
    for area in ("database", "files"):
        (into / area).mkdir()
    for file in files:
        area = "database" if str(file) in databases | companions else "files"
        target = into / area / file.relative_to(server_folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file, target)
        except FileNotFoundError:
            pass  # a file that the running server has deleted or renamed in between


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _begins_with(file: Path, magic: bytes) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(magic)) == magic
    except FileNotFoundError:
        return False


def _started_by(pid: int) -> list[int]:
    """The processes that the process `pid` has started and that still run, as Linux tells."""
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # The name, which stands in brackets before it, may hold anything.
            state, parent = status.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                children.append(int(status.parent.name))
    return sorted(children)


def _copy_memory(processes: Sequence[int], target: Path) -> tuple[int, int]:
    """Writes the memory in which these processes can keep data to `target`; returns the bytes kept and the bytes
    skipped. The first of them is the server; of the others, some may have ended meanwhile.

    These are the readable regions that are writable or belong to no file; pages of zeros are left out.
    """
    kept = skipped = 0
    for pid in processes:
        try:
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory, target.open("ab") as image:
                for start, end in _data_regions(pid):
                    for position in range(start, end, _CHUNK_BYTES):
                        size = min(_CHUNK_BYTES, end - position)
                        chunk = _read_at(memory.fileno(), position, size)
                        skipped += size - len(chunk)
                        kept += image.write(_without_zero_pages(chunk))
        except PermissionError:
            raise PermissionError(
                f"Linux keeps the memory of process {pid} closed to this process (see kernel.yama.ptrace_scope). "
                "Start the server with --inspectable, which opens it to processes of the same user."
            ) from None
        except FileNotFoundError:
            if pid == processes[0]:
                raise
        if not kept:
            raise ProcessLookupError(
                f"Process {pid} has ended and has no memory any more. Start the server again."
            )
    return kept, skipped


def _data_regions(pid: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{pid}/maps").read_text(errors="surrogateescape").splitlines():
        addresses, access, _offset, _device, inode, *name = line.split(maxsplit=5)
        if name and name[0].startswith(("[v", "/dev/dri", "/dev/nvidia")):  # kernel pages and graphics memory
            continue
        if access[0] == "r" and (access[1] == "w" or inode == "0"):
            start, end = addresses.split("-")
            yield int(start, 16), int(end, 16)


def _read_at(descriptor: int, position: int, size: int) -> bytes:
    parts = []
    while size:
        try:
            part = os.pread(descriptor, size, position)
        except PermissionError:
            raise
        except OSError:
            break
        if not part:
            break
        parts.append(part)
        position += len(part)
        size -= len(part)
    return b"".join(parts)


def _without_zero_pages(chunk: bytes) -> bytes:
    whole = len(chunk) // _PAGE_BYTES * _PAGE_BYTES
    pages = np.frombuffer(chunk[:whole], dtype=np.uint64).reshape(-1, _PAGE_BYTES // 8)
    return pages[pages.any(axis=1)].tobytes() + chunk[whole:]


def _imported_modules(image: Path, processes: Sequence[int]) -> tuple[str, ...]:
    paths = set()
    with _mapped([image]) as contents:
        for content in contents:
            paths |= _source_files(content)
    for pid in processes:
        with contextlib.suppress(FileNotFoundError):  # a worker that has ended meanwhile
            for line in Path(f"/proc/{pid}/maps").read_text(errors="surrogateescape").splitlines():
                name = line.split(maxsplit=5)[5:]
                if name and name[0].endswith(".so"):
                    paths.add(Path(name[0]))
    return tuple(sorted({_module_name(path) for path in paths if path.is_file()}))


def _source_files(memory: mmap.mmap) -> set[Path]:
    """Paths of Python sources that stand in `memory` as whole strings, in either width that CPython stores
    them in."""
    found = set()
    for encoding in ("latin-1", "utf-16-le"):
        ending, zero = ".py\0".encode(encoding), "\0".encode(encoding)
        position = memory.find(ending)
        while position >= 0:
            start = memory.rfind(zero, max(0, position - 2048), position) + len(zero)
            text = memory[start:position].decode(encoding, errors="replace")
            if text.startswith("/") and text.isprintable():
                found.add(Path(text + ".py"))
            position = memory.find(ending, position + 1)
    return found


def _module_name(path: Path) -> str:
    """The dotted name under which the file at `path` is imported: its packages are the folders with an
    __init__.py."""
    names = [] if path.stem == "__init__" else [path.name.split(".")[0]]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return ".".join(names)


def _checked(name: str, needle: bytes | Sequence[bytes]) -> list[bytes]:
    parts = [needle] if isinstance(needle, bytes) else list(needle)
    if not parts or not all(isinstance(part, bytes) for part in parts):
        raise TypeError(f"The needle {name!r} must be bytes or a sequence of bytes; encode text first.")
    if min(map(len, parts)) < _SHORTEST_NEEDLE:
        raise ValueError(
            f"The needle {name!r} has fewer than {_SHORTEST_NEEDLE} bytes; chance would find it. Take more."
        )
    return parts


@contextlib.contextmanager
def _mapped(files: Sequence[Path]) -> Iterator[list[mmap.mmap]]:
    maps = []
    try:
        for file in files:
            with file.open("rb") as stream:
                if os.fstat(stream.fileno()).st_size:
                    maps.append(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        yield maps
    finally:
        for opened in maps:
            opened.close()


def _places(contents: Sequence[bytes | mmap.mmap], parts: Sequence[bytes]) -> int:
    return sum(_count(content, part) for content in contents for part in parts)


def _count(content: bytes | mmap.mmap, part: bytes) -> int:
    # Half of a memory image is zeros, where a search for something that ends in zeros is slow.
    beginning = part.rstrip(b"\0") or part
    places = 0
    position = content.find(beginning)
    while position >= 0:
        places += content[position : position + len(part)] == part
        position = content.find(beginning, position + 1)
    return places


def _text_windows(frame: pd.DataFrame, places: Mapping[str, int]) -> list[bytes]:
    """Lines of the CSV: the numbers alone where at least three stand side by side, else with the labels."""
    names = _longest_run(list(frame.columns), set(places))
    part = frame[names] if len(names) >= 3 else frame
    fixed = part.copy().astype(object)
    for name in part.columns.intersection(list(places)):
        fixed[name] = [f"{value:.{places[name]}f}" for value in part[name]]
    windows = []
    for written in (part, fixed):
        lines = written.to_csv(index=False, header=False, lineterminator="\n").splitlines()
        windows += _spread([line.encode() for line in lines if len(line) >= 12 and len(set(line)) >= 5], 3)
    if not windows:
        raise ValueError(
            "Every line of the table is shorter than 12 characters; chance would find it in any memory."
        )
    return list(dict.fromkeys(windows))


def _longest_run(names: Sequence[str], numeric: set[str]) -> list[str]:
    longest: list[str] = []
    run: list[str] = []
    for name in names:
        run = [*run, name] if name in numeric else []
        longest = max(longest, run, key=len)
    return longest


def _number_windows(values: np.ndarray, dtype: str) -> list[bytes]:
    along_columns, along_rows = list(values.T), [values.ravel()]
    for length in (4, 8, 16):
        windows = []
        for lines in (along_columns, along_rows):
            stretches = [line[at : at + length] for line in lines for at in range(0, len(line), length)]
            complete = [part for part in stretches if len(part) == length and np.isfinite(part).all()]
            windows += _spread(
                [part.astype(dtype).tobytes() for part in complete if _telling(part, dtype)], 2
            )
        if windows:
            return list(dict.fromkeys(windows))
    raise ValueError(
        "The table's numbers are too few or too uniform to be told from chance in a memory image."
    )


def _telling(part: np.ndarray, dtype: str) -> bool:
    return len(np.unique(part)) >= 3 and len(part.astype(dtype).tobytes().replace(b"\0", b"")) >= 8


def _spread(windows: list[bytes], count: int) -> list[bytes]:
    if len(windows) <= count:
        return windows
    return [windows[index] for index in np.linspace(0, len(windows) - 1, count).astype(int)]
