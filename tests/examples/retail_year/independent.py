#!/usr/bin/env python3
"""Reads the shop's invoice files on its own and says what the ERP must hold in the end.

Written from the treatment document (examples/retail_year/README.md), not from the program, with Python's standard
library only, so that the two can be compared.

    independent.py FILE...     prints the expected documents, lines, totals and set-asides as JSON
"""
import datetime
import gzip
import json
import re
import sys
import zlib
from decimal import Decimal

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
SERVICES = {"POST", "DOT", "M", "C2", "D", "S", "B", "CRUK", "AMAZONFEE", "BANK CHARGES"}
RECORD_BYTES_MAX = 16384
INVOICE_ROWS_MAX = 10000
GAP_ROWS = 200
BLANK = " \t\r\n"
LIMIT = Decimal(10_000_000)


class Truncated(Exception):
    pass


def content(path):
    """The bytes of a file, and whether it was whole. None when nothing of it may be read."""
    data = open(path, "rb").read()
    if not data:
        return None, False
    if data[:2] != b"\x1f\x8b":
        return (None, False) if path.endswith(".gz") else (data, True)
    out = b""
    rest = data
    while rest[:2] == b"\x1f\x8b":
        machine = zlib.decompressobj(wbits=31)
        try:
            out += machine.decompress(rest)
        except zlib.error:
            return None, False
        if not machine.eof:
            return (out, False) if out else (None, False)
        rest = machine.unused_data
    return (out, True) if out else (None, False)


def split(raw):
    """The fields of a record, or None when it is none."""
    if b'"' not in raw:
        return raw.split(b",")
    fields, at = [], 0
    while True:
        if raw[at:at + 1] == b'"':
            field, at = b"", at + 1
            while True:
                quote = raw.find(b'"', at)
                if quote < 0:
                    return None
                field += raw[at:quote]
                at = quote + 1
                if raw[at:at + 1] != b'"':
                    break
                field += b'"'
                at += 1
            if at < len(raw) and raw[at:at + 1] != b",":
                return None
        else:
            comma = raw.find(b",", at)
            comma = len(raw) if comma < 0 else comma
            field, at = raw[at:comma], comma
            if b'"' in field:
                return None
        fields.append(field)
        if at >= len(raw):
            return fields
        at += 1


def record(data, at, stop):
    ended = stop < len(data)
    raw = data[at:stop]
    if ended and raw.endswith(b"\r"):
        raw = raw[:-1]
    return raw, split(raw), ended


def records(data, whole):
    """Yields (raw, fields or None, has a line break). Raises Truncated at the end of a file that is not whole."""
    at = 0
    while at < len(data):
        end = at
        while True:
            line_break = data.find(b"\n", end)
            stop = len(data) if line_break < 0 else line_break
            if stop - at > RECORD_BYTES_MAX:
                stop = None
                break
            if data.count(b'"', at, stop) % 2 == 0 or line_break < 0:
                break
            end = line_break + 1
        if stop == len(data) and not whole:
            raise Truncated
        first = data.find(b"\n", at)
        first = len(data) if first < 0 else first
        if stop is None:
            stop = first
            if stop - at > RECORD_BYTES_MAX:
                # One endless line comes in pieces of the longest record.
                yield data[at:at + RECORD_BYTES_MAX], None, True
                at += RECORD_BYTES_MAX
                continue
        raw, fields, ended = record(data, at, stop)
        if fields is None and first < stop:
            stop = first
            raw, fields, ended = record(data, at, stop)
        yield raw, fields, ended
        at = stop + 1
    if not whole:
        raise Truncated


def parse(fields):
    """The row as a dictionary, or None when a field breaks its rule."""
    if fields is None or len(fields) != 8:
        return None
    try:
        invoice, code, description, quantity, date, price, customer, country = [f.decode("utf-8") for f in fields]
    except UnicodeDecodeError:
        return None
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "".join([invoice, code, description, quantity, date, price,
                                                             customer, country])):
        return None
    code = re.sub("[a-z]", lambda m: m.group().upper(), code.strip(BLANK))
    country = country.strip(BLANK)
    if not (re.fullmatch(r"[CA]?[0-9]{1,12}", invoice) and 1 <= len(code.encode()) <= 64
            and re.fullmatch(r"-?[0-9]{1,12}", quantity) and 0 < abs(int(quantity)) <= 10_000_000
            and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", date)
            and re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,9})?", price) and abs(Decimal(price)) <= LIMIT
            and re.fullmatch(r"|[0-9]{1,12}(\.0)?", customer) and 1 <= len(country.encode()) <= 64):
        return None
    try:
        time = datetime.datetime.strptime(date, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None
    return dict(code=code, description=description.strip(BLANK), quantity=int(quantity), time=time,
                price=Decimal(price), customer=customer.removesuffix(".0"), country=country)


class Expected:
    def __init__(self):
        self.rows = 0
        self.documents = {}    # number -> (kind, posted_at, customer, total)
        self.lines = []        # (number, position, item, quantity, unit price, amount)
        self.movements = {}    # number -> [(item, quantity)]
        self.items = {}        # code -> (kind, title)
        self.customers = {}    # number -> (kind, country)
        self.prices = {}       # (item, list) -> amount
        self.aside = {}        # reason -> rows
        self.corrected = 0     # rows on stock corrections
        self.repeated = 0
        self.held_back = 0
        self.problem = False
        self._latest = {}
        self._seen = {}

    # -- From files to invoices

    def read(self, files):
        for path in files:
            if not self._read_file(path):
                self.problem = True
                return self
        return self

    def _read_file(self, path):
        try:
            data, whole = content(path)
        except OSError:
            return False
        if data is None:
            return False
        rows, ended = [], True
        try:
            for index, (raw, fields, terminated) in enumerate(records(data, whole)):
                if index == 0:
                    if raw.removeprefix(b"\xef\xbb\xbf") != HEADER.encode():
                        return False
                    continue
                if not raw:
                    continue
                row = parse(fields)
                if row is None and not terminated:
                    ended = False
                    break
                first = fields[0] if fields else raw.split(b",", 1)[0]
                number = first.decode("latin-1")
                rows.append((number if re.fullmatch("[CA]?[0-9]{1,12}", number) else "", raw, row))
        except Truncated:
            ended = False
        self.rows += len(rows)
        for number, group, too_long in self._invoices(rows, ended):
            self._treat(number, group, too_long)
        return ended

    def _invoices(self, rows, ended):
        groups, open_groups, overlong = [], {}, {}
        for index, (number, raw, row) in enumerate(rows):
            if not number:
                groups.append(["", [(raw, row)], index, False])
                continue
            if number in overlong and index - overlong[number] - 1 < GAP_ROWS:
                overlong[number] = index
                groups.append(["", [(raw, None)], index, False])
                continue
            overlong.pop(number, None)
            group = open_groups.get(number)
            if group is None or index - group[2] - 1 >= GAP_ROWS:
                group = open_groups[number] = [number, [], index, False]
                groups.append(group)
            group[1].append((raw, row))
            group[2] = index
            if len(group[1]) > INVOICE_ROWS_MAX:
                group[3] = True
                overlong[number] = index
                del open_groups[number]
        for place, (number, group, last, too_long) in enumerate(groups):
            if not ended and number and not too_long and len(rows) - 1 - last < GAP_ROWS:
                self.held_back += sum(len(g[1]) for g in groups[place:])
                return
            yield number, group, too_long

    # -- From invoices to documents

    def _set_aside(self, reason, rows):
        self.aside[reason] = self.aside.get(reason, 0) + rows

    def _problem(self, number, group, too_long):
        if not number:
            return "unreadable_row"
        if too_long:
            return "invoice_too_long"
        rows = [row for _, row in group]
        if None in rows:
            return "invoice_with_unreadable_row"
        if len({(row["customer"], row["country"]) for row in rows}) > 1:
            return "rows_disagree"
        if number[0] == "A":
            return "bad_debt_adjustment"
        # The first row that breaks a rule gives the reason.
        for row in rows:
            if row["price"] < 0:
                return "negative_price"
            if number[0] == "C" and row["quantity"] > 0:
                return "mixed_signs"
            if number[0] != "C" and row["quantity"] < 0 and row["price"] > 0:
                return "mixed_signs"
        return None

    def _treat(self, number, group, too_long):
        raw = b"\n".join(r for r, _ in group)
        again = number and number in self._seen
        if again and self._seen[number] == raw:
            self.repeated += len(group)
            return
        reason = self._problem(number, group, too_long)
        if reason:
            self._seen.setdefault(number, raw)
            self._set_aside(reason, len(group))
            return
        if again:
            self._set_aside("contradiction", len(group))
            return
        self._seen[number] = raw
        rows = [row for _, row in group]
        credit = number[0] == "C"
        guest = not rows[0]["customer"]
        money = any(row["price"] != 0 for row in rows)
        lines, corrections = [], []
        for row in rows:
            if credit or not (row["quantity"] < 0 or (guest and not money)):
                lines.append(row)
            elif self._kind(row["code"]) == "goods":
                corrections.append(row)
            else:
                self._set_aside("nothing_to_post", 1)
        time = min(row["time"] for row in rows)
        order = (time, int(number.lstrip("C")), credit)
        posted_at = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.corrected += len(corrections)
        if lines:
            customer = "GUEST/" + rows[0]["country"] if guest else rows[0]["customer"]
            self._say("customer", self.customers, customer,
                      ("anonymous" if guest else "account", rows[0]["country"]), order)
            total = sum((row["quantity"] * row["price"] for row in lines), Decimal(0))
            self.documents[number] = ("credit_note" if credit else "order", posted_at, customer, total)
            for position, row in enumerate(lines, 1):
                self.lines.append((number, position, row["code"], row["quantity"], row["price"],
                                   row["quantity"] * row["price"]))
            goods = [(row["code"], -row["quantity"]) for row in lines if self._kind(row["code"]) == "goods"]
            if goods:
                self.movements[number] = goods
        if corrections:
            self.movements[number + "-STOCK"] = [(row["code"], row["quantity"]) for row in corrections]
        for row in lines + corrections:
            self.items.setdefault(row["code"], (self._kind(row["code"]), ""))
        for row in lines:
            if row["price"] == 0:
                continue
            kind = self._kind(row["code"])
            if row["description"]:
                self._say("item", self.items, row["code"], (kind, row["description"]), order)
            if not credit and kind != "service":
                self._say("price", self.prices, (row["code"], "guest" if guest else "account"), row["price"], order)

    def _say(self, what, table, key, value, order):
        if (what, key) in self._latest and self._latest[what, key] > order:
            return
        self._latest[what, key] = order
        table[key] = value

    @staticmethod
    def _kind(code):
        return "service" if code in SERVICES else "gift_card" if code.startswith("GIFT_") else "goods"

    # -- Sums

    def total(self):
        return sum((document[3] for document in self.documents.values()), Decimal(0))

    def of_kind(self, kind):
        return sum(1 for document in self.documents.values() if document[0] == kind)

    def summary(self):
        return {"rows": self.rows, "orders": self.of_kind("order"), "credit_notes": self.of_kind("credit_note"),
                "lines": len(self.lines), "total": str(self.total()), "stock_movements": len(self.movements),
                "rows_corrected": self.corrected, "items": len(self.items), "customers": len(self.customers),
                "prices": len(self.prices), "set_aside": self.aside, "rows_repeated": self.repeated,
                "rows_held_back": self.held_back, "stopped_early": self.problem}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print(json.dumps(Expected().read(sys.argv[1:]).summary(), indent=2, ensure_ascii=False))
