"""Runs a program on a terminal of so many columns, answers its question, and prints what the terminal showed.

terminal.py COLUMNS ANSWER PROGRAM [ARGUMENT …]; the answer ^C is the key. Ends with the program's status, as a shell has it.
"""

import fcntl
import os
import pty
import struct
import sys
import termios

columns, answer, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(program[0], program)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
shown, asked = b"", False
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        more = b""
    if not more:
        break
    shown += more
    if not asked and b'Only "yes" is accepted: ' in shown:
        asked = True
        os.write(terminal, b"\x03" if answer == "^C" else answer.encode() + b"\n")
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
sys.stdout.flush()
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
