"""What customers wrote in the last year, in feedback and surveys: masked, cut into words, judged."""

from datetime import date

import polars as pl

from analysis.feedback.masking import marks, mask
from analysis.feedback.service_cases import YEAR_DAYS, within
from analysis.feedback.themes import Themes
from analysis.feedback.tone import tone
from analysis.feedback.words_of_text import read_words

SURVEY = "survey"
_OF_SUBJECTS = ("complaint", "suggestion", SURVEY)  # kinds of texts that themes are made of
_TEXTS = {"table": pl.String, "file": pl.String, "row": pl.Int64, "customer_id": pl.String}
_TEXTS |= {"at": pl.Datetime("us"), "kind": pl.String, "text": pl.String}


def texts(feedback: pl.DataFrame, surveys: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Every text of the last 365 days, masked before anything else reads it.

    A survey that repeats the same text on every item of an answer sheet counts it once.

    Args:
        feedback, surveys: the tables of these names; either may be empty.
        as_of: the last day that counts.

    Returns:
        One row per text that is not empty, by time: `table`, `file`, `row`, `customer_id`, `at`, `day`,
        `kind` (of feedback, or `survey`), `text` (masked), `language`, `tokens`, `words` as
        `words_of_text.read_words` returns them, `subject_words` (the words of complaints, suggestions
        and surveys, none of other kinds: what themes are made of), `tone`, `tone_label`.
    """
    found = within(_written(feedback, surveys), as_of, YEAR_DAYS).filter(pl.col("day") <= as_of)
    found = found.with_columns(text=mask(found["text"]))
    read = read_words(found["text"])
    judged = tone(found["text"], read["tokens"])
    whole = pl.concat([found, read, judged], how="horizontal")
    subject = pl.when(pl.col("kind").is_in(_OF_SUBJECTS)).then("words").otherwise([])
    return whole.with_columns(subject_words=subject)


def stored(texts: pl.DataFrame, spoken: Themes) -> pl.DataFrame:
    """The table `feedback_texts`: where each text stands, its theme and tone, without the text.

    Args:
        texts: as `texts` returns it.
        spoken: the themes of its `subject_words`.
    """
    names = ("table", "file", "row", "customer_id", "day", "language")
    return pl.concat(
        [
            texts.select(*names),
            spoken.of_text.select("theme"),
            texts.select("tone", "tone_label"),
        ],
        how="horizontal",
    )


def counted(feedback: pl.DataFrame, surveys: pl.DataFrame, texts: pl.DataFrame) -> dict:
    """How many texts were read and how many left aside, as arguments for `run.say`."""
    written = _written(feedback, surveys)
    masked = pl.any_horizontal(pl.col("text").str.contains(one, literal=True) for one in marks())
    return {
        "key": "themes.counted",
        "rows": feedback.height + surveys.height,
        "texts": written.height,
        "read": texts.height,
        "wordless": int((texts["words"].list.len() == 0).sum()),
        "masked": texts.filter(masked).height,
    }


def _written(feedback: pl.DataFrame, surveys: pl.DataFrame) -> pl.DataFrame:
    """Rows of both tables with a text, those of a survey sheet that repeats its text once."""
    told = _rows(feedback, "feedback", pl.col("kind").cast(pl.String), "feedback_id")
    asked = _rows(surveys, "surveys", pl.lit(SURVEY), "response_id")
    sheet = pl.coalesce("sheet", pl.format("{}#{}", "file", "row"))
    once = asked.unique([sheet, pl.col("text")], keep="first", maintain_order=True)
    both = pl.concat([told, once]).sort("at", "table", "file", "row")
    return both.select(*_TEXTS).with_columns(day=pl.col("at").dt.date())


def _rows(table: pl.DataFrame, name: str, kind: pl.Expr, sheet: str) -> pl.DataFrame:
    columns = {key: pl.col(key) for key in ("file", "row", "customer_id", "at", "text")}
    rows = table.select(
        table=pl.lit(name), **columns, kind=kind, sheet=pl.col(sheet).cast(pl.String)
    ).cast(_TEXTS)
    some = pl.col("text").str.strip_chars().str.len_chars() > 0
    return rows.filter(some).sort("at", "file", "row")
