"""What single makers of calendars do in their own way."""

from __future__ import annotations

import re

# What Outlook puts before the subject of a cancelled meeting, by the language of whoever cancelled. Feeds of Outlook
# say STATUS:CONFIRMED for these all the same. The list is by practice, not by documentation.
_CANCELLED = (
    *("Canceled", "Cancelled", "Abgesagt", "Annulé", "Annulée", "Cancelado", "Cancelada", "Cancel·lat", "Annullato"),
    *("Annullata", "Geannuleerd", "Avbokat", "Inställt", "Avlyst", "Aflyst", "Peruutettu", "Odwołane", "Anulowano"),
    *("Zrušeno", "Zrušené", "Lemondva", "Törölve", "Anulat", "Revocat", "İptal edildi", "İptal", "Отменено", "Отмена"),
    *("Отменена", "Скасовано", "Ακυρώθηκε", "Otkazano", "Odpovedano", "Preklicano", "Tühistatud", "Atcelts", "Atcelta"),
    *("Atšaukta", "キャンセル済み", "キャンセル", "已取消", "取消", "취소됨", "취소", "בוטל", "ملغاة", "تم الإلغاء"),
    *("Đã hủy", "ยกเลิก", "Dibatalkan"),
)
_PREFIX = re.compile(rf"(?:(?:{'|'.join(map(re.escape, _CANCELLED))})\s*[:：]\s*)+", re.IGNORECASE)


def is_microsoft(prodid: str) -> bool:
    """Say whether Microsoft software made the file: it tells only the organiser what others answered."""
    return "microsoft" in prodid.casefold()


def without_cancelled(subject: str) -> str | None:
    """Return a subject without its mark of cancellation, or None if it bears none."""
    found = _PREFIX.match(subject)
    return subject[found.end() :] if found else None
