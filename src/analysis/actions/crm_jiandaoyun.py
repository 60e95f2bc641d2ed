"""The interface of 简道云 (v5): up to 100 records set to the same values by one call."""

from collections import Counter

import polars as pl

from analysis.actions.crm_files import parts, same_changes
from analysis.actions.crm_http import RefusedError, Reply
from analysis.actions.crm_interface import (
    EXPIRED,
    LIMITED,
    LOST,
    OK,
    REFUSED,
    Interface,
    State,
    Write,
)
from analysis.run.errors import UserError

_PAGE = 100
_TOO_FAST = ("8303", "8304")  # codes in answers of status 400


class JiandaoyunInterface(Interface):
    """One form of 简道云. Source: hc.jiandaoyun.com/open/11261, /14220, /14225."""

    system = "jiandaoyun"
    key_names = ("JIANDAOYUN_API_KEY",)

    def headers(self) -> dict[str, str]:
        """The key; where none was read, its name in the environment."""
        key = self._keys.get(self.key_names[0])
        return {"Authorization": f"Bearer {key.value if key else '$' + self.key_names[0]}"}

    def writes(self, changes: pl.DataFrame) -> list[Write]:
        """Calls of records with equal changes, 100 each."""
        id_of = dict(changes.select("record_id", pl.coalesce("api_id", "record_id")).rows())
        found = []
        for labels, members in same_changes(changes, "record_id"):
            data = {self.names[label]: value for label, value in labels.items()}
            for part in parts(members):
                ids = {id_of[record]: record for record in part}
                found.append(
                    Write(
                        "update",
                        "POST",
                        self._url("data/batch_update"),
                        dict.fromkeys(ids, data),
                        ids,
                        dict.fromkeys(part, labels),
                    )
                )
        return found

    def body(self, write: Write) -> dict:
        """The records, and the values that all of them get."""
        values = next(iter(write.values.values()))
        return self._form() | {
            "data_ids": list(write.values),
            "data": {name: {"value": value} for name, value in values.items()},
        }

    def answered(self, write: Write, content: dict) -> dict[str, str | None]:
        """All done, or not known: an answer counts how many were changed, not which."""
        if content.get("success_count") == len(write.values):
            return dict.fromkeys(write.values)
        return {}

    def read(self, ids: list[str]) -> State:
        """Records one by one; the interface has no call for several by id."""
        found = {}
        for one in ids:
            try:
                answer = self.ask("POST", self._url("data/get"), self._form() | {"data_id": one})
            except RefusedError:
                continue  # no such record
            if answer.get("data"):
                found[one] = answer["data"]
        return found

    def field_names(self) -> dict[str, str]:
        """Label = widget of the form, by the widget's label; an alias stands as the settings say."""
        return self._resolve(self._widgets(), "The form")

    def look_up(self, records: list[str]) -> dict[str, str]:
        """Data ids by customer number, from all records of the form, page by page.

        Numbers that several records of the form have are left out: which one is meant is not known.
        """
        field = dict(self._widgets()).get(self.own.number_field, self.own.number_field)
        pairs, cursor = [], None
        while True:
            body = self._form() | {"fields": [field], "limit": _PAGE}
            answer = self.ask(
                "POST", self._url("data/list"), body | ({"data_id": cursor} if cursor else {})
            )
            rows = answer.get("data", [])
            pairs += [(str(row.get(field) or ""), row["_id"]) for row in rows]
            if len(rows) < _PAGE:
                break
            cursor = rows[-1]["_id"]
        wanted, times = set(records), Counter(number for number, _ in pairs)
        return {number: one for number, one in pairs if number in wanted and times[number] == 1}

    def kind_of(self, reply: Reply) -> tuple[str, str, str]:
        """Errors have status 400 and a code; 429 means too many calls at once."""
        content = reply.content if isinstance(reply.content, dict) else {}
        code = str(content.get("code", reply.status))
        if 200 <= reply.status < 300:
            return OK, code, ""
        if reply.status == 429 or code in _TOO_FAST:
            return LIMITED, code, ""
        if reply.status in (401, 403):
            return EXPIRED, code, ""
        return (LOST if reply.status >= 500 else REFUSED), code, str(content.get("msg", ""))

    def _widgets(self) -> list[tuple[str, str]]:
        """Label and widget of each field of the form."""
        answer = self.ask("POST", self._url("widget/list"), self._form())
        return [(one["label"], one["name"]) for one in answer.get("widgets", [])]

    def _form(self) -> dict[str, str | None]:
        if self._keys and not (self.own.app_id and self.own.entry_id):
            raise UserError(
                "Which form of jiandaoyun holds the customers is not set: app_id and entry_id under "
                "[crm.jiandaoyun] (both stand in the address of the form)."
            )
        return {"app_id": self.own.app_id, "entry_id": self.own.entry_id}

    def _url(self, call: str) -> str:
        return f"{self.own.url}/api/v5/app/entry/{call}"
