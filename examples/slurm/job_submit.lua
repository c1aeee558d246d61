-- Hands the jobs of these partitions to Millwright: they arrive held, and Millwright lets each go on
-- the nodes that it decided. Put this beside slurm.conf, with "JobSubmitPlugins=lua" in it, and run
-- "scontrol reconfigure". An empty list hands over nothing any more.
local partitions = { "gpu" }

-- While there is anything in this file, beside this one, Slurm takes jobs as if there were no rule.
-- "mw slurm give-back" writes it, and a control plane that takes jobs again empties it. For users
-- other than root make it once: install -m 644 -o USER /dev/null /etc/slurm/millwright.off
local switch = string.match(debug.getinfo(1, "S").source, "^@(.*/)") .. "millwright.off"

-- Whoever holds a job of their own, and lets it go again, does not do so for Slurm but for
-- Millwright: the words in AdminComment and Comment tell it.
local by_rule = "millwright:held"
local by_user = "millwright:user"
local hold = "millwright:hold"
local release = "millwright:release"

local function is_off()
  local file = io.open(switch)
  if file == nil then return false end
  local first = file:read(1)
  file:close()
  return first ~= nil
end

local function is_ours(partition)
  if is_off() then return false end
  for _, name in ipairs(partitions) do
    if partition == name then return true end
  end
  return false
end

local function default_of(parts)
  for name, part in pairs(parts or {}) do
    if part.flag_default ~= 0 then return name end
  end
end

function slurm_job_submit(job, parts, uid)
  if not is_ours(job.partition or default_of(parts)) then return slurm.SUCCESS end
  job.admin_comment = job.priority == 0 and by_user or by_rule
  job.priority = 0
  -- A job that may be started again can leave a node that dies, and make room. Whoever said
  -- --no-requeue is heard.
  if job.requeue == slurm.NO_VAL16 then job.requeue = 1 end
  return slurm.SUCCESS
end

-- A control plane's own submissions are known to it by their comment, which has to stay.
local function is_submitted(comment)
  return string.find(comment or "", "^millwright:%x+:%d+:%d+:%d+$") ~= nil
end

function slurm_job_modify(job, before, parts, uid)
  -- A job that was handed over is its user's again when the rule is off, or its partition is not in
  -- the list any more.
  if not is_ours(before.partition) then return slurm.SUCCESS end
  local asks = job.priority ~= nil and job.priority ~= slurm.NO_VAL
  local marked = before.admin_comment ~= nil and string.find(before.admin_comment, "^millwright")
  -- Operators, and Millwright is one, say what Slurm is to do.
  if not (asks and marked and before.priority == 0 and uid == before.user_id) then
    return slurm.SUCCESS
  end
  if is_submitted(before.comment) then
    job.priority = 0
    return slurm.SUCCESS
  end
  local word = job.priority == 0 and hold or release
  local comment = string.gsub(before.comment or "", "%s*millwright:%a+", "")
  job.comment = (comment == "" and "" or comment .. " ") .. word
  job.priority = 0
  return slurm.SUCCESS
end

return slurm.SUCCESS
