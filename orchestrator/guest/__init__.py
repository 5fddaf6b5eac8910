"""The virtual machine: its initramfs, QEMU, console, SSH and the watchdog."""
