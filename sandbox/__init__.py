"""Local stand-ins that speak the real wire protocols of Google Sheets, Yahoo and Slack."""
