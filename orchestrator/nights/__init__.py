"""A night's surroundings: its plan file, the trees and mailboxes that it looks at, its record on disk."""
