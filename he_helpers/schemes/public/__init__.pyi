from .interface import Ciphertext as Ciphertext
from .interface import PublicKey as PublicKey
from .loading import load_public_key as load_public_key
