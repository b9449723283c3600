"""Public keys of quorums, as those who trust them keep them: each was handed over in person."""

from pathlib import Path

from he_helpers.files import write_private
from he_helpers.roles.arguments import file_named, of_kind
from he_helpers.roles.errors import AlreadyThere, NotThere
from he_helpers.roles.keys.read_once import ReadOnce
from he_helpers.schemes.secret.quorum import QuorumKey

_LARGEST = 2**28


class QuorumKeys:
    """The QuorumKeys in ``folder``, a file each."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._keys = ReadOnce(QuorumKey.from_bytes, _LARGEST)

    def trust(self, path_or_key: Path | str | QuorumKey, name: str = "main", *, overwrite: bool = False) -> QuorumKey:
        """Keep a key under ``name``: what a custodian handed over as a file, or the key itself.

        Get it from at least as many custodians as are needed to decrypt, and compare the fingerprints: who hands over a
        key of their own making could decrypt what is encrypted under it. Raises AlreadyThere, NotThere, DamagedBytes.
        """
        key = path_or_key if isinstance(path_or_key, QuorumKey) else QuorumKey.from_bytes(_handed_over(path_or_key))
        file = file_named(self._folder, name, ".key")
        if file.exists() and not overwrite and self.get(name).fingerprint != key.fingerprint:
            raise AlreadyThere(
                f"Another quorum key {name!r} is kept already. Use another name, or pass overwrite=True."
            )
        write_private(file, key.to_bytes())
        return key

    def get(self, name: str = "main") -> QuorumKey:
        """The key of that name. Raises NotThere."""
        file = file_named(self._folder, name, ".key")
        if not file.exists():
            known = ", ".join(sorted(path.stem for path in self._folder.glob("*.key"))) or "none"
            raise NotThere(f"There is no quorum key {name!r}. Known: {known}. Get one in person from its custodians.")
        return self._keys.read(file)

    def remove(self, name: str) -> None:
        """Remove the key of that name, if it is there."""
        file_named(self._folder, name, ".key").unlink(missing_ok=True)


def hand_over_key(folder: Path | str, name: str, key: QuorumKey) -> Path:
    """Put a quorum's key into ``folder`` for others to take, and return the file. Raises AlreadyThere for another."""
    file = file_named(Path(folder), name, ".quorum_key")
    content = of_kind(key, QuorumKey, "a quorum's key").to_bytes()
    if file.exists() and _handed_over(file) != content:
        raise AlreadyThere(f"{file} holds another key already. Remove it if it is an old one of yours.")
    write_private(file, content)
    return file


def _handed_over(path: Path | str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise NotThere(f"The handed-over file {path} cannot be read: {error.strerror}.") from None
