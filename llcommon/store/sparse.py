"""A file in memory of which only what was written takes room."""


class SparseFile:
    """What HDF5 writes of a file whose datasets have no values yet: little, however large the file.

    Attributes: size (bytes of the whole); pieces (list of place and bytes, in the order of writing; a later one may lie
    over an earlier one, and what lies in none is zero). The methods are those that h5py calls of a file object.
    """

    def __init__(self) -> None:
        self.size = 0
        self.pieces: list[tuple[int, bytes]] = []
        self._place = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset` bytes from the beginning (whence 0), from here (1) or from the end (2)."""
        self._place = offset + (0, self._place, self.size)[whence]
        return self._place

    def tell(self) -> int:
        """The present place."""
        return self._place

    def write(self, data) -> int:
        """Put bytes here; their number."""
        piece = bytes(data)
        self.pieces.append((self._place, piece))
        self._place += len(piece)
        self.size = max(self.size, self._place)
        return len(piece)

    def readinto(self, buffer) -> int:
        """Fill the buffer from here; the number of bytes."""
        view = memoryview(buffer).cast("B")
        first, last = self._place, self._place + len(view)
        view[:] = bytes(len(view))
        for place, piece in self.pieces:
            low, high = max(first, place), min(last, place + len(piece))
            if low < high:
                view[low - first : high - first] = piece[low - place : high - place]
        self._place = last
        return len(view)

    def truncate(self, size: int) -> int:
        """Set the size of the whole, to which HDF5 only ever extends it."""
        self.size = size
        return size

    def flush(self) -> None:
        """Nothing is kept back."""
