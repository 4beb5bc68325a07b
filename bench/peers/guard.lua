-- An API gateway on ngx_http_lua_module: API key, token bucket, fields on answers, JSON lines. `lean` leaves fields of
-- id and CORS, and the line, to NGINX; `access`, `fields` and `log` together do all of it, in the phases that
-- gateways built on this module use.
local guard = {}

local keys, buckets = ngx.shared.keys, ngx.shared.buckets
local floor, ceil, find, gsub, format = math.floor, math.ceil, string.find, string.gsub, string.format
local limit, window, interval, policy, log_path, origin, exposed
-- Small numbers keep their fractions.
local epoch = 0

-- Once, before the worker is made.
function guard.start(settings)
  epoch = floor(ngx.now())
  limit, window = settings.limit, settings.window
  interval = window / limit
  policy = format('"default";q=%d;w=%d', limit, window)
  log_path, origin, exposed = settings.log, settings.origin, settings.exposed
  keys:set(settings.key, settings.consumer)
end

-- A token bucket as the generic cell rate algorithm: the one number kept is when the bucket will be full again. A
-- single worker and no yield in between make look and update one step.
local function take(consumer)
  local at = ngx.now() - epoch
  local full = buckets:get(consumer)
  if not full or full < at then full = at end
  local after = full + interval
  -- A millionth of a token forgives rounding.
  local left = floor((at + window - after) / interval + 1e-6)
  if left < 0 then return 0, full, at, ceil(full + interval - window - at) end
  buckets:set(consumer, after)
  return left, after, at, nil
end

local function state(header, left, full, at, retry_after)
  header["X-RateLimit-Limit"] = limit
  header["X-RateLimit-Remaining"] = left
  header["X-RateLimit-Reset"] = ceil(full + epoch)
  header["RateLimit-Policy"] = policy
  header["RateLimit"] = '"default";r=' .. left .. ";t=" .. ceil(full - at)
  if retry_after then header["Retry-After"] = retry_after end
end

local function authenticate()
  local consumer = keys:get(ngx.var.http_x_api_key or "")
  if consumer then
    ngx.var.consumer = consumer
    return consumer
  end
  ngx.header["WWW-Authenticate"] = 'Bearer realm="api"'
  return ngx.exit(401)
end

function guard.lean()
  local left, full, at, retry_after = take(authenticate())
  state(ngx.header, left, full, at, retry_after)
  if retry_after then return ngx.exit(429) end
end

function guard.access()
  local context = ngx.ctx
  local consumer = authenticate()
  context.consumer = consumer
  context.left, context.full, context.at, context.retry_after = take(consumer)
  if context.retry_after then return ngx.exit(429) end
end

function guard.fields()
  local header, context, var = ngx.header, ngx.ctx, ngx.var
  header["X-Request-Id"] = var.request_id
  header["Vary"] = "Origin"
  if var.http_origin == origin then
    header["Access-Control-Allow-Origin"] = origin
    header["Access-Control-Expose-Headers"] = exposed
  end
  if context.left then state(header, context.left, context.full, context.at, context.retry_after) end
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\" }
local function escape(character)
  return escapes[character] or format("\\u%04x", character:byte())
end

local function text(value)
  if not value then return "" end
  if find(value, '[%c"\\]') then return (gsub(value, '[%c"\\]', escape)) end
  return value
end

local lines, count, size = {}, 0, 0
local file

local function flush()
  if count == 0 then return end
  file:write(table.concat(lines, "", 1, count))
  count, size = 0, 0
end

-- Once in the worker: lines wait for 100 ms at most.
function guard.start_log()
  file = io.open(log_path, "a")
  file:setvbuf("no")
  ngx.timer.every(0.1, flush)
end

function guard.log()
  local var = ngx.var
  local line = '{"time":"' .. ngx.utctime() .. '","level":"info","msg":"request","id":"' .. var.request_id
    .. '","method":"' .. ngx.req.get_method() .. '","path":"' .. text(var.uri) .. '","query":"' .. text(var.args)
    .. '","host":"' .. text(var.host) .. '","upstream":"' .. text(var.upstream_addr) .. '","client_ip":"' .. var.remote_addr
    .. '","user_agent":"' .. text(var.http_user_agent) .. '","http":"' .. var.server_protocol
    .. '","consumer":"' .. text(ngx.ctx.consumer) .. '","status":' .. ngx.status
    .. ',"bytes_in":' .. var.request_length .. ',"bytes_out":' .. var.body_bytes_sent
    .. ',"duration_s":' .. var.request_time .. ',"upstream_s":"' .. text(var.upstream_response_time) .. '"}\n'
  count, size = count + 1, size + #line
  lines[count] = line
  if size >= 65536 then flush() end
end

return guard
