"""Tell which buyers really invest time, from what their calendars show."""

__version__ = "0.1.0"
