-- Asks as one of many clients behind a proxy, another one each time: the bot limits how much each of them may ask.

local requests, at = {}, 0

function init()
  for client = 1, 250 do
    wrk.headers["X-Forwarded-For"] = "192.0.2." .. client
    requests[client] = wrk.format("GET")
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
