"""Every path that the package leaves on a host, state by state."""

import fnmatch

from machine import Failed

# By the package.
PACKAGE = """
/etc/logrotate.d/tradingbot
/etc/tradingbot
/etc/tradingbot/tradingbot.toml
/etc/ufw/applications.d/tradingbot
/usr/bin/tradingbot
/usr/lib/systemd/catalog/tradingbot.catalog
/usr/lib/systemd/journald@tradingbot.conf.d
/usr/lib/systemd/journald@tradingbot.conf.d/50-retention.conf
/usr/lib/systemd/system-preset/50-tradingbot.preset
/usr/lib/systemd/system/nftables.service.d/50-tradingbot.conf
/usr/lib/systemd/system/tradingbot-control.socket
/usr/lib/systemd/system/tradingbot-control@.socket
/usr/lib/systemd/system/tradingbot-failed@.service
/usr/lib/systemd/system/tradingbot-firewall.service
/usr/lib/systemd/system/tradingbot-ingress.service
/usr/lib/systemd/system/tradingbot-ledger-verify.service
/usr/lib/systemd/system/tradingbot-ledger-verify.timer
/usr/lib/systemd/system/tradingbot-ledger-verify@.service
/usr/lib/systemd/system/tradingbot-ledger-verify@.timer
/usr/lib/systemd/system/tradingbot-recovered@.service
/usr/lib/systemd/system/tradingbot.service
/usr/lib/systemd/system/tradingbot.service.d
/usr/lib/systemd/system/tradingbot.service.d/{drop_in}
/usr/lib/systemd/system/tradingbot.slice
/usr/lib/systemd/system/tradingbot.socket
/usr/lib/systemd/system/tradingbot@.service
/usr/lib/systemd/system/tradingbot@.service.d
/usr/lib/systemd/system/tradingbot@.service.d/{drop_in}
/usr/lib/systemd/system/tradingbot@.socket
/usr/lib/sysusers.d/tradingbot.conf
/usr/lib/tmpfiles.d/tradingbot.conf
/usr/share/bash-completion/completions/tradingbot
/usr/share/doc/tradingbot
/usr/share/doc/tradingbot/*.md
/usr/share/doc/tradingbot/docs/*.md
/usr/share/doc/tradingbot/docs/openapi.json
/usr/share/doc/tradingbot/changelog.gz
/usr/share/doc/tradingbot/copyright
/usr/share/doc/tradingbot/examples/*.conf
/usr/share/doc/tradingbot/examples/*.toml
/usr/share/doc/tradingbot/third-party-notices.gz
/usr/share/fish/vendor_completions.d/tradingbot.fish
/usr/share/lintian/overrides/tradingbot
/usr/share/man/man1/tradingbot*.1.gz
/usr/share/tradingbot
/usr/share/tradingbot/ingress.nft
/usr/share/tradingbot/tradingbot.nft
/usr/share/zsh/vendor-completions/_tradingbot
/var/lib/systemd/deb-systemd-helper-enabled/tradingbot-control.socket.dsh-also
/var/lib/systemd/deb-systemd-helper-enabled/tradingbot-ingress.service.dsh-also
/var/lib/systemd/deb-systemd-helper-enabled/tradingbot.service.dsh-also
/var/lib/systemd/deb-systemd-helper-enabled/tradingbot.socket.dsh-also
/var/lib/tradingbot
"""
# By the user who trusted the repository.
SOURCE = """
/etc/apt/sources.list.d/tradingbot.sources
/usr/share/keyrings/tradingbot-archive-keyring.pgp
"""
# By `systemctl enable --now tradingbot.socket` and by the bot.
USE = """
/etc/systemd/system/sockets.target.wants/tradingbot-control.socket
/etc/systemd/system/sockets.target.wants/tradingbot.socket
/var/lib/systemd/timers/stamp-tradingbot-ledger-verify.timer
/var/lib/tradingbot/inputs-*.jsonl*
/var/lib/tradingbot/ledger.sqlite
/var/lib/tradingbot/ledger.sqlite.lock
/var/lib/tradingbot/ledger.sqlite.reserve
/var/lib/tradingbot/tokens.json
/var/lib/tradingbot/tokens.lock
"""
# By an upgrade, which notes what was enabled.
NOTED = """
/var/lib/systemd/deb-systemd-helper-enabled/sockets.target.wants/tradingbot-control.socket
/var/lib/systemd/deb-systemd-helper-enabled/sockets.target.wants/tradingbot.socket
"""
# Of the package and its use, what a removal keeps: what is the user's.
KEPT = """
/etc/logrotate.d/tradingbot
/etc/systemd/system/sockets.target.wants/tradingbot-control.socket
/etc/systemd/system/sockets.target.wants/tradingbot.socket
/etc/tradingbot
/etc/tradingbot/tradingbot.toml
/etc/ufw/applications.d/tradingbot
/var/lib/systemd/deb-systemd-helper-enabled/tradingbot-control.socket.dsh-also
/var/lib/systemd/deb-systemd-helper-enabled/tradingbot-ingress.service.dsh-also
/var/lib/systemd/deb-systemd-helper-enabled/tradingbot.service.dsh-also
/var/lib/systemd/deb-systemd-helper-enabled/tradingbot.socket.dsh-also
/var/lib/systemd/timers/stamp-tradingbot-ledger-verify.timer
/var/lib/tradingbot
/var/lib/tradingbot/inputs-*.jsonl*
/var/lib/tradingbot/ledger.sqlite
/var/lib/tradingbot/ledger.sqlite.lock
/var/lib/tradingbot/ledger.sqlite.reserve
/var/lib/tradingbot/tokens.json
/var/lib/tradingbot/tokens.lock
"""


def leaves_exactly(m, *lists):
    """Fails unless the paths that were added since before the installation are those listed, each pattern at least once."""
    drop_in = "40-journal.conf" if m.suite == "bookworm" else "50-systemd-257.conf"
    wanted = "".join(lists).replace("{drop_in}", drop_in).split()
    seen = m.added()
    beyond = [path for path in seen if not any(fnmatch.fnmatchcase(path, pattern) for pattern in wanted)]
    absent = [pattern for pattern in wanted if not fnmatch.filter(seen, pattern)]
    if beyond or absent:
        raise Failed(f"not listed but there: {beyond}; listed but not there: {absent}")
