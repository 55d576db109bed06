"""Replays a journal of the file shim, and says what a disk may hold after a power cut.

What is promised by file systems like ext4, and no more: the data of a file is there once the file
was synced; a change of names once a folder whose names it changed was; of one folder, changes of
names reach the disk in their order; a rename is done or not done, whichever folders it joins. All
else may be there or not: unsynced data whole, in part, as zeros or not at all, whatever names there
are.
"""

import dataclasses
import pathlib


@dataclasses.dataclass
class File:
    now: bytearray
    synced: bytes = b""

    def after_power_cut(self, dice, kinds):
        now = bytes(self.now)
        if now == self.synced:
            return now
        kind = dice.choice(kinds)
        if kind == "kept":
            return now
        if kind == "zeros":
            return self.synced[:len(now)] + bytes(max(0, len(now) - len(self.synced)))
        return now[:dice.randint(0, len(now))] if kind == "cut" else self.synced


@dataclasses.dataclass
class Change:
    """Of names: nodes by (folder, name); None takes the name away."""
    names: list
    durable: bool = False

    def folders(self):
        return {folder for folder, _, _ in self.names}


@dataclasses.dataclass
class Record:
    number: int
    name: str
    inode: int
    path: str
    target: str
    offset: int
    data: bytes


def read_journal(path):
    data = pathlib.Path(f"{path}.data").read_bytes()
    records = []
    for line in pathlib.Path(path).read_text().splitlines():
        number, name, inode, source, target, offset, size, begin = line.split("\t")
        text = data[int(begin):int(begin) + int(size)]
        records.append(Record(int(number), name, int(inode), source, target, int(offset), text))
    return records


class Disk:
    """What is below one folder: as programs see it, and as a power cut may leave it."""

    ROOT = 0

    def __init__(self, root):
        """Begins with what is there now, all of it synced."""
        self.root = pathlib.Path(root)
        self.files = {}
        self.synced_tree = {self.ROOT: {}}  # names of every folder, by node
        self.changes = []  # since then
        self.by_inode = {}
        self.next_node = 1
        self._read_folder(self.root, self.ROOT)
        self.tree = {folder: dict(names) for folder, names in self.synced_tree.items()}

    def _read_folder(self, folder, node):
        for path in sorted(folder.iterdir()):
            child = self._new_node(path.stat().st_ino)
            self.synced_tree[node][path.name] = child
            if path.is_dir():
                self.synced_tree[child] = {}
                self._read_folder(path, child)
            else:
                self.files[child] = File(bytearray(path.read_bytes()), path.read_bytes())

    def _new_node(self, inode):
        node = self.next_node
        self.next_node += 1
        self.by_inode[inode] = node
        return node

    def _place(self, path):
        """Folder's node and name."""
        parts = pathlib.Path(path).relative_to(self.root).parts
        node = self.ROOT
        for part in parts[:-1]:
            node = self.tree[node][part]
        return node, parts[-1]

    def _inside(self, path):
        return pathlib.Path(path).is_relative_to(self.root)

    def _change(self, *names):
        self.changes.append(Change(list(names)))
        apply_change(self.tree, self.changes[-1])

    def replay(self, record):
        if record.name in ("create", "mkdir", "symlink"):
            node = self._new_node(record.inode)
            if record.name == "mkdir":
                self.tree[node] = {}
                self.synced_tree[node] = {}
            else:
                self.files[node] = File(bytearray(record.data))
            self._change((*self._place(record.path), node))
        elif record.name in ("unlink", "rmdir"):
            self._change((*self._place(record.path), None))
        elif record.name == "rename":
            assert self._inside(record.path) and self._inside(record.target), record
            source, target = self._place(record.path), self._place(record.target)
            self._change((*source, None), (*target, self.tree[source[0]][source[1]]))
        elif record.name == "sync":
            self._sync(self.by_inode[record.inode] if record.path != str(self.root) else self.ROOT)
        elif record.name in ("write", "truncate", "empty"):
            self._write(self.files[self.by_inode[record.inode]].now, record)
        else:
            assert record.name in ("open", "say"), record

    def _write(self, now, record):
        if record.name != "write":
            del now[record.offset:]
            return
        now.extend(bytes(max(0, record.offset - len(now))))
        now[record.offset:record.offset + len(record.data)] = record.data

    def _sync(self, node):
        if node in self.files:
            self.files[node].synced = bytes(self.files[node].now)
            return
        for change in self.changes:
            change.durable |= node in change.folders()
        kept = with_earlier(self.changes, [change.durable for change in self.changes])
        while self.changes and kept[0]:
            apply_change(self.synced_tree, self.changes.pop(0))
            kept.pop(0)

    def after_power_cut(self, dice, names, data):
        """Files by path. `names`: "synced", "all", or "some" by the dice; `data`: kinds to choose
        from of "kept", "synced", "zeros" and "cut"."""
        wanted = [change.durable for change in self.changes]
        if names == "all":
            wanted = [True] * len(wanted)
        elif names == "some":
            for folder in sorted({folder for change in self.changes for folder in change.folders()}):
                own = [i for i, change in enumerate(self.changes) if folder in change.folders()]
                for i in own[:dice.randint(0, len(own))]:
                    wanted[i] = True
        tree = {folder: dict(entries) for folder, entries in self.synced_tree.items()}
        for change, is_kept in zip(self.changes, with_earlier(self.changes, wanted)):
            if is_kept:
                apply_change(tree, change)
        found = {}
        self._collect(tree, self.ROOT, "", dice, data, found)
        return found

    def _collect(self, tree, folder, prefix, dice, data, found):
        for name, node in sorted(tree[folder].items()):
            if node in self.files:
                found[prefix + name] = self.files[node].after_power_cut(dice, data)
            else:
                found[f"{prefix}{name}/"] = None
                self._collect(tree, node, f"{prefix}{name}/", dice, data, found)


def apply_change(tree, change):
    for folder, name, node in change.names:
        if node is None:
            tree[folder].pop(name, None)
        else:
            tree[folder][name] = node


def with_earlier(changes, wanted):
    """With each change also those before it in its folders."""
    folders, kept = set(), []
    for change, is_wanted in zip(reversed(changes), reversed(wanted)):
        kept.append(is_wanted or not folders.isdisjoint(change.folders()))
        if kept[-1]:
            folders |= change.folders()
    return kept[::-1]


# What survives of names, and of data. The first: only what was synced.
VARIANTS = [("synced", ["synced"]), ("all", ["synced"]), ("all", ["zeros"]), ("some", ["kept"]),
            ("some", ["kept", "synced", "zeros", "cut"]), ("all", ["kept", "synced", "zeros", "cut"])]


def variants(disk, dice, count):
    for number in range(count):
        names, data = VARIANTS[number if number < len(VARIANTS) else -1 - number % 2]
        yield disk.after_power_cut(dice, names, data)


def folder_in(found, path):
    """Files below that folder by their paths in it; None where there is no such folder."""
    prefix = f"{str(path).rstrip('/')}/"
    if prefix not in found:
        return None
    return {name[len(prefix):]: data for name, data in found.items()
            if name.startswith(prefix) and data is not None}


def put_on_disk(found, folder):
    folder.mkdir(parents=True)
    for name, data in found.items():
        path = folder / name
        if data is None:
            path.mkdir()
        else:
            path.write_bytes(data)
