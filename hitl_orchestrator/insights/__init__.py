"""What the records of the past show: pure over audit records. It proposes, and people dispose."""
