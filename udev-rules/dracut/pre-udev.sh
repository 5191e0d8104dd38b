#!/bin/sh
# Sourced by dracut before its udev starts.
sh /usr/lib/vassign/early
