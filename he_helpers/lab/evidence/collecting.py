"""Collecting the evidence of a process: its files, its databases, its modules, an image of its memory."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from he_helpers.lab.evidence.contents import files_below, mapped

_MANIFEST = "evidence.json"
_SQLITE_MAGIC = b"SQLite format 3\0"
_SQLITE_COMPANIONS = ("-wal", "-shm", "-journal")
_PAGE_BYTES = 4096
_CHUNK_BYTES = 16 << 20


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
            raise FileNotFoundError(f"{folder.name}/ holds no evidence. Collect it first: collect(folder, pid, into).")
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

    Reading another process's memory works on Linux only, and there where the kernel does not keep it closed. Without it
    the evidence has the database and the files, and says in `why_not_read` what is missing.

    Raises NotADirectoryError without such a server folder, FileExistsError when `into` holds anything but
    evidence, ProcessLookupError when no such process runs, and PermissionError when it is another user's.
    """
    server_folder, into = Path(server_folder), Path(into)
    if not server_folder.is_dir():
        raise NotADirectoryError(f"There is no server folder {server_folder.name}/. Start the server first.")
    _check_runs(pid)
    _make_room(into)
    try:
        _copy_files(server_folder, into)
        evidence = _with_memory(pid, into)
        evidence._save()
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return evidence


def _with_memory(pid: int, into: Path) -> Evidence:
    """The evidence with an image of the memory, and without one where this system lets nobody read it."""
    if sys.platform != "linux":
        reason = f"This system ({sys.platform}) lets no process read another's memory; Linux does."
        return Evidence(into, pid, None, 0, 0, reason)
    processes = [pid, *_started_by(pid)]
    try:
        kept, skipped = _copy_memory(processes, into / "memory")
    except PermissionError as error:
        (into / "memory").unlink(missing_ok=True)
        return Evidence(into, pid, None, 0, 0, str(error))
    return Evidence(into, pid, _imported_modules(into / "memory", processes), kept, skipped, "")


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
    files = files_below(server_folder)
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
            raise ProcessLookupError(f"Process {pid} has ended and has no memory any more. Start the server again.")
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
    with mapped([image]) as contents:
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
