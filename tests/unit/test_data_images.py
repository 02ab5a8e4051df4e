"""MNIST's IDX, CIFAR-10's binary version and folders of images, on files made here."""

import gzip
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import labkit.data as data
from labkit.core.errors import DataFormatError

RNG = np.random.default_rng(7)
RECORD = 3073


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))


def idx(values: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


def write_mnist(folder: Path, parts: dict[str, int], *, packed: bool = False) -> dict[str, np.ndarray]:
    folder.mkdir(exist_ok=True)
    pixels = {}
    for part, count in parts.items():
        pixels[part] = RNG.integers(0, 256, (count, 5, 4), dtype=np.uint8)
        files = {"images-idx3": pixels[part], "labels-idx1": np.arange(count) % 3}
        for kind, values in files.items():
            path = folder / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(idx(values)) if packed else idx(values))
    return pixels


def cifar_batch(count: int, highest: int = 9) -> bytes:
    rows = RNG.integers(0, 256, (count, RECORD), dtype=np.uint8)
    rows[:, 0] = np.arange(count) % (highest + 1)
    return rows.tobytes()


def cifar_files() -> dict[str, bytes]:
    names = "\n".join(["plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])
    return {
        "data_batch_1.bin": cifar_batch(20),
        "data_batch_2.bin": cifar_batch(10),
        "test_batch.bin": cifar_batch(10),
        "batches.meta.txt": f"{names}\n\n".encode(),
    }


def pack(path: Path, files: dict[str, bytes], folder: str = "cifar-10-batches-bin/") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(folder + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_images(
    root: Path, classes: dict[str, int], size: tuple[int, int] = (9, 7), mode: str = "RGB"
) -> None:
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for k in range(count):
            shape = (*size, 3) if mode == "RGB" else size
            Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8)).save(root / name / f"{k:03}.png")


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_keeps_its_own_parts_and_every_pixel(tmp_path: Path, packed: bool) -> None:
    pixels = write_mnist(tmp_path / "mnist", {"train": 12, "t10k": 6}, packed=packed)
    card = data.add(tmp_path / "mnist", "mine")
    dataset = data.load("mine")
    assert card.shape == (1, 5, 4)
    assert card.classes == ("0", "1", "2")
    assert (len(dataset.train), len(dataset.test)) == (12, 6)
    assert np.array_equal((dataset.train.x.numpy() * 255).round()[:, 0], pixels["train"])
    assert dataset.test.y.tolist() == [0, 1, 2, 0, 1, 2]


def test_mnist_without_a_test_part_is_split(tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist", {"train": 30})
    assert data.add(tmp_path / "mnist", "mine").splits == (("train", 24), ("test", 6))


def _cut(content: bytes) -> bytes:
    return content[:-1]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_cut, "expected 240 bytes"),
        (lambda content: content + b"\0", "got more"),
        (lambda content: content[:9], "expected 12 bytes of sizes"),
        (lambda _: b"", "an empty file"),
        (lambda content: b"\0\0\x0d\x03" + content[4:], "00000803"),
        (lambda content: content[:4] + struct.pack(">3I", 2**31, 2**31, 2**31), "at most"),
        (lambda content: content[:4] + struct.pack(">3I", 0, 5, 4), "sizes above 0"),
        (lambda _: idx(np.zeros((11, 5, 4))), "12 labels and 11 images"),
        (gzip.compress, "still packed"),
    ],
)
def test_a_damaged_mnist_file_is_refused_and_says_what_was_expected(
    tmp_path: Path, damage, says: str
) -> None:
    write_mnist(tmp_path / "mnist", {"train": 12})
    path = tmp_path / "mnist" / "train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataFormatError, match=says):
        data.add(tmp_path / "mnist", "mine")


def test_a_mnist_file_that_is_no_gzip_or_is_missing_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist", {"train": 12}, packed=True)
    labels = tmp_path / "mnist" / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(labels.read_bytes()[:-6])
    with pytest.raises(DataFormatError, match="cannot be read"):
        data.add(tmp_path / "mnist", "mine")
    labels.unlink()
    with pytest.raises(DataFormatError, match="no labels file"):
        data.add(tmp_path / "mnist", "mine")


@pytest.mark.parametrize("packed", [False, True])
def test_cifar_is_read_from_a_folder_and_from_its_archive(tmp_path: Path, packed: bool) -> None:
    files = cifar_files()
    source = tmp_path / "cifar.tar.gz"
    if packed:
        pack(source, files)
    else:
        source = tmp_path / "cifar"
        source.mkdir()
        for name, content in files.items():
            (source / name).write_bytes(content)
    card = data.add(source, "mine")
    dataset = data.load("mine")
    assert card.shape == (3, 32, 32)
    assert card.classes[:2] == ("plane", "car")
    assert (len(dataset.train), len(dataset.test)) == (30, 10)
    first = np.frombuffer(files["data_batch_1.bin"], dtype=np.uint8)[1:RECORD].reshape(3, 32, 32)
    assert np.array_equal((dataset.train.x[0].numpy() * 255).round(), first)


def test_an_archive_with_a_path_that_leads_out_of_it_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    for number, folder in enumerate(("../../", "/etc/", "C:\\", "a/../../")):
        source = pack(tmp_path / f"{number}.tar.gz", cifar_files(), folder)
        with pytest.raises(DataFormatError, match="leads out of the archive"):
            data.add(source, "mine")
    assert not list(tmp_path.rglob("*.bin"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_an_archive_with_a_link_or_a_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    source = tmp_path / "links.tar.gz"
    with tarfile.open(source, "w:gz") as archive:
        member = tarfile.TarInfo("data_batch_1.bin")
        member.type, member.linkname = kind, "/etc/hostname"
        archive.addfile(member)
    with pytest.raises(DataFormatError, match="a link or a device"):
        data.add(source, "mine")


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.data.formats.cifar._MOST_BYTES", 2**20)
    files = {**cifar_files(), "data_batch_3.bin": bytes(RECORD * 400)}
    with pytest.raises(DataFormatError, match="holds more than 1 MiB"):
        data.add(pack(tmp_path / "bomb.tar.gz", files), "mine")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data_batch_1.bin": bytes(RECORD * 3 - 1)}, "records of 3073 bytes"),
        ({"data_batch_1.bin": bytes(3074 * 3)}, "CIFAR-100"),
        ({"test_batch.bin": b""}, "records of 3073 bytes"),
        ({"data_batch_1.bin": bytes([200]) + bytes(RECORD - 1)}, "labels from 0 to 9"),
        ({"batches.meta.txt": b"cat\ncat\n"}, "names a class twice"),
        ({"batches.meta.txt": b"\xff\xfe\x00"}, "not UTF-8"),
    ],
)
def test_a_damaged_cifar_file_is_refused(tmp_path: Path, change: dict[str, bytes], says: str) -> None:
    with pytest.raises(DataFormatError, match=says):
        data.add(pack(tmp_path / "cifar.tgz", {**cifar_files(), **change}), "mine")


def test_an_archive_without_batches_or_cut_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="data_batch_1"):
        data.add(pack(tmp_path / "python.tar.gz", {"data_batch_1": b"pickle"}), "mine")
    source = pack(tmp_path / "cut.tar.gz", cifar_files())
    source.write_bytes(source.read_bytes()[:5000])
    with pytest.raises(DataFormatError, match="cannot be read"):
        data.add(source, "mine")
    source.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataFormatError, match="cannot be read"):
        data.add(source, "mine")


def test_a_folder_of_images_is_split_by_class(tmp_path: Path) -> None:
    write_images(tmp_path / "pets", {"cat": 10, "dog": 5})
    (tmp_path / "pets" / "cat" / ".DS_Store").write_bytes(b"not an image")
    card = data.add(tmp_path / "pets", "pets")
    dataset = data.load("pets")
    assert (card.shape, card.classes) == ((3, 9, 7), ("cat", "dog"))
    assert dataset.test.y.bincount().tolist() == [2, 1]


def test_train_and_test_folders_are_kept_apart(tmp_path: Path) -> None:
    write_images(tmp_path / "pets" / "train", {"cat": 3, "dog": 2})
    write_images(tmp_path / "pets" / "test", {"cat": 1, "dog": 4})
    assert data.add(tmp_path / "pets", "pets").splits == (("train", 5), ("test", 5))


def test_grey_images_have_one_channel_and_a_single_coloured_one_makes_three(tmp_path: Path) -> None:
    write_images(tmp_path / "grey", {"a": 3, "b": 3}, mode="L")
    assert data.add(tmp_path / "grey", "grey").shape == (1, 9, 7)
    Image.new("RGB", (7, 9), (255, 0, 0)).save(tmp_path / "grey" / "b" / "red.png")
    assert data.add(tmp_path / "grey", "mixed").shape == (3, 9, 7)


def test_images_of_several_sizes_need_a_size(tmp_path: Path) -> None:
    write_images(tmp_path / "pets", {"cat": 3, "dog": 3})
    Image.new("RGB", (20, 30)).save(tmp_path / "pets" / "dog" / "large.jpg")
    with pytest.raises(DataFormatError, match=r"large\.jpg: expected 7 × 9 pixels.*--size"):
        data.add(tmp_path / "pets", "pets")
    assert data.add(tmp_path / "pets", "pets", size=16).shape == (3, 16, 16)
    assert data.add(tmp_path / "pets", "tall", size=(12, 8)).shape == (3, 12, 8)


def test_a_photo_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    write_images(tmp_path / "pets", {"cat": 2, "dog": 2}, size=(8, 4))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4), (0, 0, 255)).save(tmp_path / "pets" / "dog" / "side.png", exif=exif)
    assert data.add(tmp_path / "pets", "pets").shape == (3, 8, 4)


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_images(tmp_path / "pets", {"cat": 3, "dog": 3})
    broken = tmp_path / "pets" / "dog" / "001.png"
    whole = broken.read_bytes()
    for content in (b"", b"text", whole[:60], whole[:-30]):
        broken.write_bytes(content)
        with pytest.raises(DataFormatError, match=r"001\.png: cannot be read as an image"):
            data.add(tmp_path / "pets", "pets")


def test_a_class_without_images_or_a_single_class_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "pets", {"cat": 3})
    with pytest.raises(DataFormatError, match="two classes or more, got cat"):
        data.add(tmp_path / "pets", "pets")
    (tmp_path / "pets" / "dog").mkdir()
    with pytest.raises(DataFormatError, match="expected images"):
        data.add(tmp_path / "pets", "pets")


def test_an_image_of_too_many_pixels_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.data.formats.folder._MOST_PIXELS", 50)
    write_images(tmp_path / "pets", {"cat": 2, "dog": 2})
    with pytest.raises(DataFormatError, match="at most 50 pixels"):
        data.add(tmp_path / "pets", "pets")


def test_a_test_class_that_is_never_taught_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "pets" / "train", {"cat": 3, "dog": 2})
    write_images(tmp_path / "pets" / "test", {"cat": 1, "fox": 1})
    with pytest.raises(DataFormatError, match="got 0 of 'fox'"):
        data.add(tmp_path / "pets", "pets")
