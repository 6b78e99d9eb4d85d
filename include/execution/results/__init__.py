"""The books of days: closing them, flows of money, corporate actions, and reports."""
