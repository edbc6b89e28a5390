"""What happened to every case: an append-only ledger, the inbox, and the ports through which both are used."""
