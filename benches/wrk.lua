-- Asks as one of many clients behind a proxy, another one each time, so that the bot has to find out which.

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
