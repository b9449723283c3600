"""Set the course up: the lock, the installer and the check of what is installed.

Runs before anything is installed, so it needs the standard library alone.

Why this is not `uv sync --frozen` with a uv.lock: that was tried, with uv 0.13.8 and all sets. It checks every hash,
those of the build's tools too, it installs the wheels in seconds, and with `no-build-isolation-package` it compiles
Pyfhel with the locked tools. uv does here what it does best: it resolves the lock (`compile_lock`) and installs the
wheels (`uv`). The rest is done here, because `uv sync`

- downloads from the addresses in uv.lock, whatever index is set: UV_DEFAULT_INDEX at a dead address and UV_NO_INDEX
  changed nothing, and pip's settings are not read. So it cannot install from a mirror or from a folder of wheels.
  requirements.lock names hashes and no address, and pip's settings are followed (`uv`, `pip`).
- holds the environment for as long as Pyfhel compiles: a second `uv sync`, for another set and without Pyfhel, waits
  without a word. Here the wheels can be used and other sets installed meanwhile (`pyfhel`), and whoever imports Pyfhel
  waits and is told how far it is (`waiting`).
- takes an installed package for the locked one by its name and version: a file that was changed afterwards passes.
  Here whatever no mark vouches for is installed anew, from a file whose hash is checked (`record`, `installer`).
- is not there yet: uv has to come first, by pip, from a file whose hash is checked. That needs a lock that pip reads,
  beside uv.lock; and with it pip can go on alone where uv cannot.
- writes the paths of a local index into uv.lock, when that is where it was made.
"""
