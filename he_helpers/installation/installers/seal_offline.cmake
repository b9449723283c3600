# Pyfhel has no wheel: pip compiles it, and Microsoft SEAL inside it, from the source archive of the package index.
# SEAL's own build would clone three more repositories (Microsoft GSL, zlib, Zstandard) from a git host. These cache
# entries force them off, over the ON in Pyfhel's setup; the installer passes this file as CMAKE_TOOLCHAIN_FILE.
# What is lost is compression while serialising: pass compr_mode="none", which every build of Pyfhel understands.
foreach(switch SEAL_BUILD_DEPS SEAL_USE_MSGSL SEAL_USE_ZLIB SEAL_USE_ZSTD)
  set(${switch} OFF CACHE BOOL "" FORCE)
endforeach()
