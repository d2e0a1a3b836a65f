"""The peer's side of `benches/peer.rs`: an EMA cross with raptorbt over the candles of a file, timed; JSON on standard output.

peer.py FILE TRADES ROUNDS portfolio|singles

FILE has two whole numbers, symbols and candles of each, then for each symbol its columns: start in nanoseconds, open, high,
low and close in 10^-8. TRADES gets four numbers for each trade: symbol, candle of the entry, candle of the exit, entry price.
"""

import json
import sys
import time

import numpy as np
import raptorbt

FAST, SLOW = 12, 26
STAKE, BALANCE = 100.0, 1_000_000.0


def load(path):
    numbers = np.fromfile(path, dtype=np.int64)
    symbols, candles = numbers[:2]
    columns = numbers[2:].reshape(symbols, 5, candles)
    volume = np.ones(candles)
    prices = [[np.ascontiguousarray(column / 1e8) for column in symbol[1:]] for symbol in columns]
    return [(symbol[0].copy(), *bars, volume) for symbol, bars in zip(columns, prices)]


def signals(close):
    fast, slow = raptorbt.ema(close, FAST), raptorbt.ema(close, SLOW)
    above, below = fast > slow, fast < slow
    enter, leave = np.zeros(len(close), bool), np.zeros(len(close), bool)
    np.logical_and(above[1:], fast[:-1] <= slow[:-1], out=enter[1:])
    np.logical_and(below[1:], fast[:-1] >= slow[:-1], out=leave[1:])
    return enter, leave


def config():
    made = raptorbt.BacktestConfig(
        initial_capital=BALANCE, fees=0.001, slippage=0.0005, fill_timing="next_bar_open", session_minutes=raptorbt.SESSION_CONTINUOUS
    )
    made.set_fixed_stop(0.1)
    return made


def portfolio(data):
    """One account for all symbols, as the bot has it."""
    bars = [(*columns, *signals(columns[4]), 1, 1.0 / len(data), str(at)) for at, columns in enumerate(data)]
    stakes = {str(at): raptorbt.InstrumentConfig(alloted_capital=STAKE) for at in range(len(data))}
    ran = raptorbt.run_portfolio_backtest(bars, config=config(), allocation="full", instrument_configs=stakes)
    return ran.result.trades()


def singles(data):
    """An account for each symbol, one after the other."""
    trades = []
    for at, columns in enumerate(data):
        stake = raptorbt.InstrumentConfig(alloted_capital=STAKE)
        ran = raptorbt.run_single_backtest(
            *columns, *signals(columns[4]), symbol=str(at), config=config(), instrument_config=stake
        )
        trades.extend(ran.trades())
    return trades


def resident(name):
    """What is resident (VmRSS) or was at most (VmHWM), in kB."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def forget_the_most():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")


def main():
    path, kept, rounds, way = sys.argv[1:]
    run = {"portfolio": portfolio, "singles": singles}[way]
    data = load(path)
    forget_the_most()
    loaded = resident("VmRSS")
    seconds, trades = [], []
    for _ in range(int(rounds)):
        trades = []
        began = time.process_time()
        trades = run(data)
        seconds.append(time.process_time() - began)
    peak = resident("VmHWM")
    rows = [(int(trade.symbol), trade.entry_idx, trade.exit_idx, round(trade.entry_price * 1e8)) for trade in trades]
    np.array(rows, dtype=np.int64).tofile(kept)
    print(json.dumps({"seconds": min(seconds), "trades": len(rows), "loaded": loaded, "peak": peak}))


main()
