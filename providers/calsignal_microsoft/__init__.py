"""Microsoft 365 and Outlook.com calendars."""

from calsignal_microsoft.connect import MicrosoftProvider

provider = MicrosoftProvider()
