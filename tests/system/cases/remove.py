"""What is left behind."""

from cases.install import everything
from machine import equal, holds


def case_removal_stops_everything_and_keeps_config_and_ledger(m):
    m.sh("apt-get remove --yes tradingbot", timeout=120)
    equal(m.sh("ss --no-header --listening --tcp --numeric"), "", "listeners")
    equal(m.sh("systemctl list-units --no-legend --plain --all 'tradingbot*' | grep -v not-found", check=False), "", "units")
    equal("tradingbot" in m.sh("nft list tables"), False, "the table")
    holds(m.sh("ls /etc/tradingbot /var/lib/tradingbot"), "tradingbot.toml", "ledger.sqlite", "tokens.json")


def case_it_comes_back_as_it_was(m):
    m.sh("apt-get install --yes tradingbot", timeout=120)
    m.sh("systemctl start tradingbot.socket")
    equal(m.get("/v1/status", m.token)[0], 200)


def case_purge_asks_nothing_and_leaves_only_what_the_documentation_says(m):
    m.sh("apt-get purge --yes tradingbot", timeout=120)
    m.sh("systemctl daemon-reload")
    left = everything(m) - m.before
    ours = sorted(path for path in left if "tradingbot" in path)
    equal(ours, [
        "/etc/apt/sources.list.d/tradingbot.sources",
        "/usr/share/keyrings/tradingbot-archive-keyring.pgp",
    ], "paths that are left")
    holds(m.sh("getent passwd tradingbot"), "tradingbot")
