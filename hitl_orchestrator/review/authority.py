"""Authority: which principal may use which verb on which case. One table, deny by default."""

from enum import StrEnum

__all__ = ["Verb"]


class Verb(StrEnum):
    """What a principal asks for. Each method of the facade has one."""

    SUBMIT = "submit"
    REPLAY = "replay"
    CANCEL = "cancel"
    REDACT = "redact"
    PLANT = "plant"
    INBOX = "inbox"
    VIEW = "view"
    CLAIM = "claim"
    TAKE_OVER = "take_over"
    RELEASE = "release"
    DELEGATE = "delegate"
    ASSIGN = "assign"
    LABEL = "label"
    DECIDE = "decide"
    READ_CASE = "read_case"
    READ_HISTORY = "read_history"
    READ_RECORDS = "read_records"
    READ_PEOPLE = "read_people"
    READ_POLICY = "read_policy"
    CHANGE_POLICY = "change_policy"
    CHANGE_PEOPLE = "change_people"
    BACKTEST = "backtest"
    UNFINISHED = "unfinished"
    RECOVER = "recover"
    MAINTAIN = "maintain"
    VERIFY = "verify"
    PROVE = "prove"
    EXPORT = "export"
    SIGN_HEAD = "sign_head"
